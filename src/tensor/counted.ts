/** Made when first used: the data of a locale cost the start of a command 15 ms. */
let format: Intl.NumberFormat | undefined;

/** `1 epoch`, `1,024 images`, `0 classes`. @param plural the plural, if irregular. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  format ??= new Intl.NumberFormat('en-US');
  return `${format.format(count)} ${count === 1 ? noun : plural}`;
}
