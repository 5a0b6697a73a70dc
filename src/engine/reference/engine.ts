import type { Group } from '../../distributed/group.ts';
import { NO_GROUP } from '../../distributed/none.ts';
import type { CompiledNetwork } from '../../plan/compiled-network.ts';
import { cpuTarget } from '../../target/cpu/target.ts';
import type { Engine, Session } from '../engine.ts';
import { requireNetwork } from '../ranks.ts';
import { exactly, ReferenceSession, type Store } from './session.ts';

/**
 * The oracle: plain float64 loops over the graph as the model says it, without a plan. Slow and obvious.
 * Every other engine is tested against it.
 * @param store what is kept of each value: how far results move when storage rounds, say.
 */
export function createReferenceEngine(store: Store = exactly): Engine {
  return {
    name: 'reference',
    isa: 'float64',
    threads: 1,
    target: cpuTarget(), // It runs graphs, and any plan will do.
    maxTotalBytes: Number.MAX_SAFE_INTEGER,
    async open(network: CompiledNetwork, group: Group = NO_GROUP): Promise<Session> {
      requireNetwork(network, group);
      return new ReferenceSession(network, store, group);
    },
    close: async () => {},
  };
}
