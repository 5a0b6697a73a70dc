import { readdirSync } from 'node:fs';
import { describeFailure } from '../../../src/cli/errors.ts';
import { InputError } from '../../../src/tensor/input-error.ts';
import { printableLines } from '../../../src/tensor/printable.ts';
import type { Format } from './format.ts';
import { CANARY } from './hostile.ts';

/** The result of reading a file: read, rejected with an input error, or a fault. */
export type Verdict = 'read' | 'refused' | { readonly fault: string };

/** The content of a file outside, which must not be read through links or names. */
export const SECRET = 'densor-torture-secret';
const LONGEST_LINE = 4_000;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ud800-\udfff]/u;

/** Reads a file with Densor, and checks its output and effects. */
export async function judge(format: Format, bytes: Uint8Array): Promise<Verdict> {
  let [verdict, said]: [Verdict, string] = ['read', ''];
  try {
    said = printableLines(await format.read(bytes));
  } catch (error) {
    // The message as printed by the command line.
    said = describeFailure(error).line;
    verdict =
      error instanceof InputError ? 'refused' : { fault: `an error of no kind of ours: ${stackOf(error)}` };
    if (said.length > LONGEST_LINE) verdict = { fault: `its error has ${said.length} characters` };
  }
  if (typeof verdict === 'object') return verdict;
  const control = CONTROL.exec(said)?.[0];
  if (control !== undefined)
    return { fault: `prints the control character U+${control.codePointAt(0)!.toString(16)}` };
  if (said.includes(SECRET)) return { fault: 'prints what is in a file outside' };
  return obeyed() ?? verdict;
}

/** Whether code was executed or a file written. The working directory is empty. */
function obeyed(): { readonly fault: string } | undefined {
  const { polluted } = {} as { readonly polluted?: unknown };
  if (polluted !== undefined) return { fault: 'obeyed: the prototype of all objects is changed' };
  if (CANARY in globalThis) return { fault: 'obeyed: code of the file was run' };
  const written = readdirSync('.');
  return written.length > 0 ? { fault: `obeyed: it wrote ${written.join(', ').slice(0, 200)}` } : undefined;
}

function stackOf(error: unknown): string {
  const { name, message, stack = '' } = error as Error;
  const places = stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 3);
  return (
    printableLines(`${name}: ${message}`.slice(0, 300)) +
    places
      .map((place) => place.replace(/\(?(?:file:\/\/)?\S*\/((?:src|node_modules|tools)\/\S+)\)?/, '$1'))
      .join('')
  );
}
