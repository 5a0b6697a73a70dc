import { printable } from '../tensor/printable.ts';

/**
 * Text that spreadsheets interpret as a formula, including full-width characters and skipped leading characters.
 */
const FORMULA = /^[\s"']*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/;

/** Encodes CSV (RFC 4180). Texts that spreadsheets would interpret as formulas are prefixed with an apostrophe. */
export function csv(rows: readonly (readonly (string | number)[])[]): string {
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

function cell(value: string | number): string {
  if (typeof value === 'number') return `${value}`;
  const text = printable(FORMULA.test(value) ? `'${value}` : value);
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
