import type { Below } from '../random.ts';

/** Code executed from a file would leave this in the global object, or as a file in the working directory. */
export const CANARY = 'densor_torture_canary';

/** Texts that are dangerous to print, to join to a path, to use as a key, or to execute. */
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
