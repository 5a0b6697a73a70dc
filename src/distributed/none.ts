import type { Group } from './group.ts';

/** One process by itself. */
export const NO_GROUP: Group = {
  rank: 0,
  size: 1,
  gather: async (own) => own,
  treeSum: async (own) => own,
  broadcast: async (numbers) => numbers,
  barrier: async () => {},
  abort: () => {},
  close: async () => {},
};
