import { type Engine, EngineError } from '../../src/engine/engine.ts';
import type { Lowered, LoweringRequest, Target } from '../../src/plan/target.ts';
import type { EngineEntry } from '../../src/run/engine-table.ts';

/** A minimal target, which rejects the first op of a graph with a message. */
export function stubTarget(): Target {
  return {
    name: 'stub',
    alignmentBytes: 256,
    slackBytes: 0,
    maxBufferBytes: 2 ** 27,
    pixelStride: (channels) => channels,
    lower: ({ graph }: LoweringRequest): Lowered => {
      const kind = graph.ops[0]?.kind;
      throw new EngineError(`target stub has no kernel for ${kind}; use another \`engine\``);
    },
    buffersOf: () => [],
    costOf: () => ({ flops: 0, bytes: 0 }),
    secondsOf: () => 0,
    encode: () => ({ words: new Uint32Array(), recordCount: 0, collectives: [] }),
  };
}

/** An engine for it. */
export function createStubEngine(threads: number): Engine {
  return {
    name: 'stub',
    isa: 'none',
    threads,
    target: stubTarget(),
    maxTotalBytes: 2 ** 27,
    open: async () => {
      throw new EngineError('engine stub runs no network');
    },
    close: async () => {},
  };
}

/** Its entry in the command line's table of engines. */
export const STUB: EngineEntry = { open: async (threads) => createStubEngine(threads), target: stubTarget };
