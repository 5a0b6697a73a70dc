import type { Machine } from '../../bench/common/machine.ts';

/** Where the made-up reports of the tests of benchmarks come from. */
export const MACHINE: Machine = {
  model: 'A processor',
  processors: 2,
  memoryBytes: 2 ** 34,
  isas: ['avx2', 'scalar'],
  node: 'v20',
  twoThreads: 1.95,
};
