import { availableParallelism } from 'node:os';
import { SHARP_DECODER } from '../../node/data/image-file.ts';
import { openEngine } from '../../run/engines.ts';
import { type EngineOptions, engineSource } from '../engine-source.ts';
import type { NetworkHost } from '../network.ts';

/** The services of Node: sharp as decoder, and engines, including `native` if its kernels are built. */
export function nodeHost(options: EngineOptions): NetworkHost {
  const open = engineSource(options, (name, threads = availableParallelism()) => openEngine(name, threads));
  return { decoder: SHARP_DECODER, engine: open };
}
