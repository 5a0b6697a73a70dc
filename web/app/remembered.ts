/** What this browser remembers of a choice; the storage may be refused. */
export function remembered<Choice extends string>(
  name: string,
  choices: readonly Choice[],
  otherwise: Choice,
): Choice {
  try {
    const kept = localStorage.getItem(`densor-${name}`);
    return choices.find((choice) => choice === kept) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(name: string, choice: string): void {
  try {
    localStorage.setItem(`densor-${name}`, choice);
  } catch {} // It is asked again next time.
}
