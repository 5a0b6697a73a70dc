import { MemoryLimitError } from '../../src/plan/memory/error.ts';

/** Bytes of the smallest plan, as the error of a budget of one byte says it. */
export function leastBytes(compileWithin: (bytes: number) => unknown): number {
  try {
    compileWithin(1);
  } catch (error) {
    if (error instanceof MemoryLimitError) return error.leastBytes;
    throw error;
  }
  throw new Error('one byte was enough');
}
