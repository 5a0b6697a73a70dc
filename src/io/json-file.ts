import { InputError } from '../tensor/input-error.ts';

/** A user's file is not valid JSON. The message has line and column. */
export class JsonFileError extends InputError {
  override readonly name = 'JsonFileError';
}

/** White space, followed by punctuation, a string, a number or a literal. */
const TOKEN =
  /[ \t\n\r]*(?:([{}[\],:])|("(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;

/**
 * Parses a JSON file written by a user. A byte order mark is skipped.
 * @param source name of the file in messages. @throws JsonFileError with line and column.
 */
export function parseJsonFile(bytes: Uint8Array, source: string): unknown {
  const text = decode(bytes, source);
  try {
    return JSON.parse(text);
  } catch {
    const { at, expected } = firstError(text);
    const before = text.slice(0, at).split('\n');
    const found = text.slice(at, at + 1);
    const what = found === '' ? 'the end of the file' : JSON.stringify(found);
    throw new JsonFileError(
      `${source}: line ${before.length}, column ${before.at(-1)!.length + 1}: expected ${expected}, not ${what}`,
    );
  }
}

function decode(bytes: Uint8Array, source: string): string {
  if (bytes[0] === 0xff || bytes[0] === 0xfe) {
    throw new JsonFileError(`${source} is no UTF-8 text, but UTF-16 or something else: save it as UTF-8`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes); // Skips a byte order mark.
  } catch {
    throw new JsonFileError(`${source} is no UTF-8 text: save it as UTF-8`);
  }
}

/** What may follow, by parser state, in words. */
const EXPECTED = {
  value: 'a value',
  'value or ]': 'a value or ]',
  key: 'a name in double quotes',
  'key or }': 'a name in double quotes or }',
  colon: 'a colon',
  'comma or ]': 'a comma or ]',
  'comma or }': 'a comma or }',
  end: 'the end of the file',
} as const;
type State = keyof typeof EXPECTED;

/** The position of the first syntax error, and what was expected there. */
function firstError(text: string): { readonly at: number; readonly expected: string } {
  const open: ('[' | '{')[] = [];
  const afterValue = (): State =>
    open.length === 0 ? 'end' : open.at(-1) === '[' ? 'comma or ]' : 'comma or }';
  let state: State = 'value';
  TOKEN.lastIndex = 0;
  for (;;) {
    const from = TOKEN.lastIndex;
    const token = TOKEN.exec(text);
    const next: State | 'after value' | null | undefined =
      token && nextState(state, token[1], token[2] !== undefined, open);
    if (!next)
      return { at: from + /^[ \t\n\r]*/.exec(text.slice(from))![0].length, expected: EXPECTED[state] };
    state = next === 'after value' ? afterValue() : next;
  }
}

/**
 * The state after a token. @param open stack of open brackets; modified. @returns undefined if the token is not
 * allowed.
 */
function nextState(
  state: State,
  mark: string | undefined,
  isString: boolean,
  open: ('[' | '{')[],
): State | 'after value' | undefined {
  const closes = (mark === ']' || mark === '}') && state.endsWith(mark);
  if (closes) {
    open.pop();
    return 'after value';
  }
  switch (state) {
    case 'value':
    case 'value or ]':
      if (mark === undefined) return 'after value';
      if (mark !== '[' && mark !== '{') return undefined;
      open.push(mark);
      return mark === '[' ? 'value or ]' : 'key or }';
    case 'key':
    case 'key or }':
      return isString ? 'colon' : undefined;
    case 'colon':
      return mark === ':' ? 'value' : undefined;
    case 'comma or ]':
      return mark === ',' ? 'value' : undefined;
    case 'comma or }':
      return mark === ',' ? 'key' : undefined;
    case 'end':
      return undefined;
    default:
      return state satisfies never;
  }
}
