const LONGEST = 80;
/** Control characters, what turns the direction of text or cannot be seen, and what is no character. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Text from a file in a message: nothing that a terminal obeys, not too long, in quotes where it could mislead. */
export function quoted(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  if (/^[\w.:/<>…-]+$/.test(cut)) return cut;
  return JSON.stringify(cut).replace(
    INVISIBLE,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
