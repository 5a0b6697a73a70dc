import type { Below } from '../random.ts';

/** Whatever obeys a file leaves this in the global object or as a file where it runs. */
export const CANARY = 'densor_torture_canary';

/** Names and texts that a careless program prints, joins to a path, takes for a key, or runs. */
const TEXTS: readonly string[] = [
  '',
  '\x1b[2J\x1b[31mred',
  '\u009b31m',
  'line\nbreak\rreturn',
  'tab\tnul\0end',
  '\u202Egnp.exe\u202C',
  '\u2066isolated\u2069',
  '\ud800',
  '\u2028',
  `../../${CANARY}`,
  `/tmp/${CANARY}`,
  '..',
  '.',
  'CON',
  'a/b\\c',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  `$(touch ${CANARY})`,
  `; touch ${CANARY};`,
  `\${globalThis.${CANARY}=1}`,
  '-rf',
  '%s%n%x',
  'e\u0301',
  '\u00e9',
  'a'.repeat(300),
  'ab'.repeat(40_000),
  '😀'.repeat(20),
];

export const NUMBERS: readonly number[] = [
  ...[-1, 0, 1, 0.5, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40],
  ...[Number.MAX_SAFE_INTEGER, 2 ** 53, 1e21, 1e308, -1e308, 5e-324, -0],
];

export function hostileText(below: Below): string {
  return pick(TEXTS, below);
}

export function pick<T>(items: readonly T[], below: Below): T {
  return items[below(items.length)]!;
}
