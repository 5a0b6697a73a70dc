/**
 * Characters that control a terminal, are invisible, or change the text direction: control and bidirectional
 * characters, zero-width characters, line separators, lone surrogates and noncharacters; not the variation
 * selectors of emoji.
 */
const UNSEEN =
  /(?![\ufe0e\ufe0f])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu;

/** Replaces such characters in a single line by escapes: `\u001b`. */
export function printable(text: string): string {
  return text.replace(UNSEEN, escaped);
}

/**
 * The same for several lines. Names in the text must be made printable first, because they may contain line
 * breaks.
 */
export function printableLines(text: string): string {
  return text.replace(UNSEEN, (character) => (character === '\n' ? character : escaped(character)));
}

/** JSON without such characters; it parses to the same value. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(UNSEEN, (character) =>
    Array.from({ length: character.length }, (_, i) => unit(character.charCodeAt(i))).join(''),
  );
}

/** Truncates a text to at most `most` characters, with an ellipsis. */
export function shorten(text: string, most: number): string {
  if (text.length <= most) return text;
  const characters = [...text.slice(0, 2 * most + 2)];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}

/** A name for a table, a list or a plot: printable and truncated. */
export function label(name: string, most = 80): string {
  return shorten(printable(shorten(name, most)), most);
}

function escaped(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\t') return '\\t';
  if (character === '\r') return '\\r';
  return character.length > 1
    ? `\\u{${character.codePointAt(0)!.toString(16)}}`
    : unit(character.charCodeAt(0));
}

function unit(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`;
}
