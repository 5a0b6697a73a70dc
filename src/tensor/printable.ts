/**
 * Characters that a terminal obeys, that are not seen, or that turn others around: controls, bidirectional ones among
 * them, zero-width ones, separators of lines, halves of a pair, and what is no character. The selectors of emoji are
 * harmless.
 */
const UNSEEN =
  /(?![\ufe0e\ufe0f])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu;

/** Text of one line in which everything is seen: what a terminal would obey is written as an escape, `\u001b`. */
export function printable(text: string): string {
  return text.replace(UNSEEN, escaped);
}

/** The same of several lines. A name among them has to be made printable before, or it may begin a line of its own. */
export function printableLines(text: string): string {
  return text.replace(UNSEEN, (character) => (character === '\n' ? character : escaped(character)));
}

/** JSON of a value, to the very value, that a terminal shows as it is. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(UNSEEN, (character) =>
    Array.from({ length: character.length }, (_, i) => unit(character.charCodeAt(i))).join(''),
  );
}

/** At most so many characters, the last of which then says that there are more. */
export function shorten(text: string, most: number): string {
  if (text.length <= most) return text;
  const characters = [...text.slice(0, 2 * most + 2)];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}

/** A name as a table, a list or a picture has it. */
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
