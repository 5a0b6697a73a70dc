/** `a, b, c and 7 more`. @param most names that are listed. @param shown how a name is written. */
export function listed(names: readonly string[], most: number, shown = (name: string) => name): string {
  const more = names.length - most;
  return names.slice(0, most).map(shown).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
