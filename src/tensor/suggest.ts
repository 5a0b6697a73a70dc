/** A suggestion such as ` (did you mean train?)`; empty if no name is similar. */
export function didYouMean(given: string, names: Iterable<string>): string {
  const name = closest(given, names);
  return name === undefined ? '' : ` (did you mean ${name}?)`;
}

/**
 * The most similar name: one that differs in case or by few letters, or the only one that is a prefix or an
 * extension of the given one.
 */
export function closest(given: string, names: Iterable<string>): string | undefined {
  const all = [...names].filter((name) => name !== given);
  const word = given.toLowerCase();
  const same = all.find((name) => name.toLowerCase() === word);
  if (same !== undefined || word === '' || word.length > MOST_LETTERS) return same;
  const ranked = all
    .map((name) => ({ name, edits: distance(word, name.toLowerCase()) }))
    .filter(({ name, edits }) => edits <= Math.max(word.length, name.length) / 3)
    .sort((a, b) => a.edits - b.edits);
  if (ranked[0]) return ranked[0].name;
  const alike = all.filter(
    (name) => name.toLowerCase().startsWith(word) || word.startsWith(name.toLowerCase()),
  );
  return alike.length === 1 ? alike[0] : undefined;
}

/** Longer names are not compared, because that would take long. */
const MOST_LETTERS = 64;

/** Letters to insert, delete, replace or swap with the next one (restricted Damerau-Levenshtein). */
function distance(a: string, b: string): number {
  let [before, last]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? before[j - 2]! + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(row[j - 1]! + 1, last[j]! + 1, replaced, swapped));
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}
