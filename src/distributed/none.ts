import type { Group } from './group.ts';

/** The group of a single process. */
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
