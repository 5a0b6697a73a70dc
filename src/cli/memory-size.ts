import { InvalidArgumentError } from 'commander';

const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** `4GiB`, `1.5GiB`, `900MiB`, `512MB`, or bytes. @throws InvalidArgumentError */
export function parseMemorySize(text: string): number {
  const [, number, unit = 'b'] = /^(\d+(?:\.\d+)?) ?([a-z]+)?$/i.exec(text.trim()) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  const bytes = Math.floor(Number(number) * (factor ?? Number.NaN));
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new InvalidArgumentError('expected a size of memory such as 4GiB, 900MiB, 512MB, or bytes');
}

/** In whole MiB, rounded up: what is named as enough is enough when it is typed. */
export function formatMemorySize(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)}MiB`;
}
