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

/** Smaller limits are rejected, because the unit is probably missing. */
const LEAST_BYTES = 1e6;
/** For suggestions: numbers without unit up to this are probably GiB, larger ones MiB. */
const MOST_GIB = 512;

/** Parses `4GiB`, `1.5GiB`, `900MiB`, `512MB`, or bytes. @throws InvalidArgumentError */
export function parseMemorySize(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) ?([a-z]+)?$/i.exec(text.trim()) ?? [];
  const factor = UNITS[(unit ?? 'b').toLowerCase()];
  const bytes = Math.floor(Number(number) * (factor ?? Number.NaN));
  if (Number.isSafeInteger(bytes) && bytes >= (unit === undefined ? LEAST_BYTES : 1)) return bytes;
  const expected = 'expected a memory size such as 4GiB, 900MiB, 512MB, or bytes';
  const isOtherUnit = unit === undefined || factor === undefined;
  if (!isOtherUnit || !(Number(number) > 0)) throw new InvalidArgumentError(expected);
  const prefix = /^[kmgt]/i.exec(unit ?? '')?.[0].toUpperCase() ?? (Number(number) > MOST_GIB ? 'M' : 'G');
  const meaning = unit === undefined ? 'a number without a unit is in bytes: ' : '';
  throw new InvalidArgumentError(`${meaning}${expected} (did you mean ${number}${prefix}iB?)`);
}

/** In whole MiB, rounded up, so that a suggested limit is sufficient. */
export function formatMemorySize(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)}MiB`;
}
