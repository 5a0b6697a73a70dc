import { MemoryLimitError } from '../../src/plan/memory/error.ts';

/** Bytes of the smallest plan, from the error for a budget of one byte. */
export function leastBytes(compileWithin: (bytes: number) => unknown): number {
  try {
    compileWithin(1);
  } catch (error) {
    if (error instanceof MemoryLimitError) return error.leastBytes;
    throw error;
  }
  throw new Error('one byte was enough');
}
