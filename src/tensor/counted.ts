const FORMAT = new Intl.NumberFormat('en-US');

/** `1 epoch`, `1,024 images`, `0 classes`. @param plural the plural, if irregular. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${FORMAT.format(count)} ${count === 1 ? noun : plural}`;
}
