/** ` (did you mean train?)`, or nothing where no name is so close that it was probably meant. */
export function didYouMean(given: string, names: Iterable<string>): string {
  const name = closest(given, names);
  return name === undefined ? '' : ` (did you mean ${name}?)`;
}

/** The name that was probably meant: it differs in case or by few letters, or is the only one that continues or begins the given one. */
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

/** Nobody types longer names by mistake, and comparing them would take long. */
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
