import type { CompiledNetwork } from '../../plan/compiled-network.ts';
import type { Engine, Session } from '../engine.ts';
import { exactly, ReferenceSession, type Store } from './session.ts';

/**
 * The oracle: plain float64 loops over the graph as the model says it, without a plan. Slow and obvious.
 * Every other engine is tested against it.
 * @param store what is kept of each value: how far results move when storage rounds, say.
 */
export function createReferenceEngine(store: Store = exactly): Engine {
  const anything = Number.MAX_SAFE_INTEGER;
  return {
    name: 'reference',
    isa: 'float64',
    threads: 1,
    limits: { maxSlabBytes: anything, maxTotalBytes: anything, alignmentBytes: 8 },
    open: async (network: CompiledNetwork): Promise<Session> => new ReferenceSession(network, store),
    close: async () => {},
  };
}
