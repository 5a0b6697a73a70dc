import { CommanderError } from 'commander';
import { DeviceLostError, NonFiniteError } from '../engine/engine.ts';
import { systemFailure, systemLine } from '../node/system-error.ts';
import { hasChanged } from '../node/written.ts';
import { CutShortError } from '../run/cut-short-error.ts';
import { InputError } from '../tensor/input-error.ts';
import { printable } from '../tensor/printable.ts';
import { flagOf, isSettingName } from '../train/settings/table.ts';
import { TrainingStoppedError } from '../train/stopped-error.ts';

/** An invalid command line. The message says what was given and what is expected. */
export class UsageError extends InputError {
  override readonly name = 'UsageError';
}

/**
 * Exit status and a one-line message for an error: 2 for invalid usage or input (nothing was written), 1 for other
 * failures. Control characters are escaped, because messages contain names from files.
 */
export function describeFailure(error: unknown): { readonly status: 1 | 2; readonly line: string } {
  const { status, line } = describe(error);
  return {
    status: status === 2 && hasChanged() ? 1 : status,
    line: shortened(printable(inFlags(line.replaceAll('\n', ' ')))),
  };
}

/** Messages are truncated, because names from files may be very long. */
const LONGEST_LINE = 2_000;

function shortened(line: string): string {
  if (line.length <= LONGEST_LINE) return line;
  return `${line.slice(0, LONGEST_LINE / 2)} … ${line.slice(-LONGEST_LINE / 2)}`;
}

/** Replaces setting names in backquotes (`microBatch`) by flags (--micro-batch). */
export function inFlags(text: string): string {
  return text.replace(/`(\w+)`/g, (quoted, name: string) => (isSettingName(name) ? flagOf(name) : quoted));
}

function describe(error: unknown): { readonly status: 1 | 2; readonly line: string } {
  if (error instanceof CommanderError)
    return { status: 2, line: error.message.replace(/^error: /, '').replaceAll('\n', ' ') };
  if (error instanceof NonFiniteError || error instanceof TrainingStoppedError) {
    return { status: 1, line: error.message };
  }
  if (error instanceof CutShortError) {
    if (error.cause instanceof DeviceLostError) {
      return {
        status: 1,
        line: `${error.message}: continue from the last checkpoint with: ${error.resume} (add --engine native to compute on the processor)`,
      };
    }
    const { remedy } = systemFailure(error.cause)!;
    const first = remedy === undefined ? '' : `${remedy.replace(/ or choose another place$/, '')}, then `;
    return {
      status: 1,
      line: `${systemLine(error.cause)}: ${first}continue from the last checkpoint with: ${error.resume}`,
    };
  }
  if (error instanceof DeviceLostError) return { status: 1, line: error.message };
  if (error instanceof InputError) return { status: 2, line: error.message };
  const line = systemLine(error);
  if (line !== undefined) {
    const { remedy } = systemFailure(error)!;
    return { status: 2, line: line + (remedy === undefined ? '' : `: ${remedy}`) };
  }
  const { message, stack } = error as Error;
  return {
    status: 1,
    line: process.env.DENSOR_DEBUG
      ? String(stack).replaceAll('\n', ' ')
      : `unexpected: ${message ?? String(error)}`,
  };
}
