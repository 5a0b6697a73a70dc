import type { Machine } from '../../bench/common/machine.ts';

/** The machine in fictitious reports, for tests of benchmarks. */
export const MACHINE: Machine = {
  model: 'A processor',
  processors: 2,
  memoryBytes: 2 ** 34,
  isas: ['avx2', 'scalar'],
  node: 'v20',
  twoThreads: 1.95,
};
