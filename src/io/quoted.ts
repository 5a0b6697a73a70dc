const LONGEST = 80;
/** Control characters, invisible characters, those that change the text direction, and unassigned code points. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * Text from a file, for a message: without control characters, truncated, and in quotes if it could be misread.
 */
export function quoted(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  if (/^[\w.:/<>…-]+$/.test(cut)) return cut;
  return JSON.stringify(cut).replace(
    INVISIBLE,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
