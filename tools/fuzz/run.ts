import { InputError } from '../../src/tensor/input-error.ts';
import { randomOf } from './random.ts';
import type { FuzzTarget } from './targets.ts';

/** An error that is no answer, and the number of its case. */
export interface Fault {
  readonly number: number;
  readonly error: string;
}

export interface FuzzResult {
  readonly target: string;
  readonly cases: number;
  readonly read: number;
  readonly refused: number;
  readonly faults: readonly Fault[];
  readonly slowestMs: number;
}

/** Reads `count` damaged files. @param onCase told the number of each case before it is read. */
export async function fuzz(
  target: FuzzTarget,
  { seed, first = 0, count }: { readonly seed: number; readonly first?: number; readonly count: number },
  onCase: (number: number) => void = () => {},
): Promise<FuzzResult> {
  let [read, refused, slowestMs] = [0, 0, 0];
  const faults: Fault[] = [];
  for (let number = first; number < first + count; number++) {
    onCase(number);
    const bytes = target.make(randomOf(seed, number));
    const startedAt = performance.now();
    try {
      await target.read(bytes);
      read++;
    } catch (error) {
      if (error instanceof InputError) refused++;
      else faults.push({ number, error: String((error as Error)?.stack ?? error) });
    }
    slowestMs = Math.max(slowestMs, performance.now() - startedAt);
  }
  return { target: target.name, cases: count, read, refused, faults, slowestMs };
}
