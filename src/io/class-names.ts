import { InputError } from '../tensor/input-error.ts';
import { asObject, type Json, JsonError, parseJson } from './json.ts';
import { quoted } from './quoted.ts';

/** An invalid file of class names. The message says what is wrong and what was expected. */
export class ClassNamesError extends InputError {
  override readonly name = 'ClassNamesError';
}

const EXPECTED =
  'expected a name for each class, in the order of the classes: a line each, or JSON such as ["cat", "dog"] or {"0": "cat", "1": "dog"}';
const LIMITS = { depth: 2, values: 2 ** 18 };
const MAX_CHARACTERS = 1000;

/**
 * Reads class names: one per line, or JSON: an array, or, as in ImageNet's class index, an object from numbers to
 * names or to lists that end with the name (`{"0": ["n01440764", "tench"]}`).
 * @param source name of the file in messages.
 * @throws ClassNamesError
 */
export function decodeClassNames(bytes: Uint8Array, source: string): readonly string[] {
  const refuse = (reason: string): never => {
    throw new ClassNamesError(`${source} ${reason}; ${EXPECTED}`);
  };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes); // Skips a byte order mark.
  } catch {
    return refuse('is no text in UTF-8');
  }
  const names = /^\s*[[{]/.test(text) ? ofJson(text, refuse) : ofLines(text);
  for (const [label, name] of names.entries()) {
    if (name === '') refuse(`has no name for class ${label}`);
    if (name.length > MAX_CHARACTERS) refuse(`has a name of more than ${MAX_CHARACTERS} characters`);
    if (/\p{Cc}/u.test(name))
      refuse(`has a control character in the name of class ${label}: ${quoted(name)}`);
  }
  return names;
}

function ofLines(text: string): readonly string[] {
  const trimmed = text.trimEnd();
  return trimmed === '' ? [] : trimmed.split(/\r\n|\n|\r/).map((line) => line.trim());
}

function ofJson(text: string, refuse: (reason: string) => never): readonly string[] {
  let json: Json;
  try {
    json = parseJson(text, LIMITS);
  } catch (error) {
    if (error instanceof JsonError) return refuse(error.message);
    throw error;
  }
  const object = asObject(json);
  const count = object ? Object.keys(object).length : 0;
  const values = object ? Array.from({ length: count }, (_, label) => object[label]) : (json as Json[]);
  return values.map((value, label) => {
    const name = Array.isArray(value) ? value.at(-1) : value;
    return typeof name === 'string' ? name.trim() : refuse(`has no name for class ${label}`);
  });
}
