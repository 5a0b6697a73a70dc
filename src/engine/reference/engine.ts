import type { Group } from '../../distributed/group.ts';
import { NO_GROUP } from '../../distributed/none.ts';
import type { CompiledNetwork } from '../../plan/compiled-network.ts';
import { cpuTarget } from '../../target/cpu/target.ts';
import type { Engine, Session } from '../engine.ts';
import { requireNetwork } from '../ranks.ts';
import { exactly, ReferenceSession, type Store } from './session.ts';

/**
 * The oracle: plain float64 loops over the unfused graph, without a plan. Slow and simple. Every other engine is
 * tested against it.
 * @param store applied to each value before it is stored; for example, to measure the effect of rounding in storage.
 */
export function createReferenceEngine(store: Store = exactly): Engine {
  return {
    name: 'reference',
    isa: 'float64',
    threads: 1,
    target: cpuTarget(), // Unused: this engine runs graphs, so any plan will do.
    maxTotalBytes: Number.MAX_SAFE_INTEGER,
    async open(network: CompiledNetwork, group: Group = NO_GROUP): Promise<Session> {
      requireNetwork(network, group);
      return new ReferenceSession(network, store, group);
    },
    close: async () => {},
  };
}
