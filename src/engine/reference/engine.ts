import type { CompiledNetwork } from '../../plan/compiled-network.ts';
import type { Engine, Session } from '../engine.ts';
import { ReferenceSession } from './session.ts';

/**
 * The oracle: plain float64 loops over the graph as the model says it, without a plan. Slow and obvious.
 * Every other engine is tested against it.
 */
export function createReferenceEngine(): Engine {
  const anything = Number.MAX_SAFE_INTEGER;
  return {
    name: 'reference',
    isa: 'float64',
    threads: 1,
    limits: { maxSlabBytes: anything, maxTotalBytes: anything, alignmentBytes: 8 },
    open: async (network: CompiledNetwork): Promise<Session> => new ReferenceSession(network),
    close: async () => {},
  };
}
