import { label } from '../tensor/printable.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `617 MiB`, `8.56 GiB`. */
export function formatBytes(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${value >= 100 || unit === 0 ? value.toFixed(0) : value.toPrecision(3)} ${UNITS[unit]}`;
}

/** `1:02:03`, `4:05`, `12 s`. */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const two = (n: number) => `${n}`.padStart(2, '0');
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** `129,077,168`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** Formats a table as lines. @param left number of left-aligned columns; the others are right-aligned. */
export function formatTable(table: readonly (readonly string[])[], left = 1): readonly string[] {
  const rows = table.map((row) => row.map((cell) => label(cell)));
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column < left ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
}

/**
 * The same in Markdown, with a header. @param left number of left-aligned columns; the others are right-aligned.
 */
export function markdownTable([header, ...rows]: readonly (readonly string[])[], left = 1): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => label(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  const alignment = line(header!.map((_, i) => (i < left ? '---' : '---:')));
  return [line(header!), alignment, ...rows.map(line)].join('\n');
}

/** A learning rate: `0.1`, `0.0123`, `4.0e-7`. */
export function formatRate(rate: number): string {
  return rate >= 1e-4 ? `${Number(rate.toPrecision(3))}` : rate.toExponential(1);
}
