import { densenet } from '../../src/model/densenet.ts';
import type { Model } from '../../src/model/module.ts';
import { torchvisionDensenet } from '../../src/model/torchvision-densenet.ts';

/** A training step for all contenders of a benchmark. */
export interface StepCase {
  readonly size: number;
  readonly batch: number;
  readonly blocks: readonly number[];
  readonly growth: number;
  readonly stem: number;
  /**
   * Layers with a bottleneck, as torchvision's: a 1×1 convolution to 4·growth channels before the 3×3; else the
   * notes'.
   */
  readonly bottleneck?: boolean;
  readonly threads: number;
}

const NOTES: StepCase = { size: 96, batch: 256, blocks: [4, 4, 4, 4], growth: 32, stem: 64, threads: 2 };

/** Named cases. */
export const CASES: Readonly<Record<string, StepCase>> = {
  /** The notes' network and step. */
  notes: NOTES,
  /** DenseNet-121's blocks, without bottlenecks: many layers on small maps (16, 8, 4 and 2 pixels). */
  deep: { ...NOTES, size: 64, batch: 64, blocks: [6, 12, 24, 16] },
  /** For measuring memory; PyTorch needs 8.6 GiB. */
  large: { ...NOTES, size: 224 },
  /** torchvision's DenseNet-121, for images with one channel and ten classes. */
  densenet121: { ...NOTES, size: 224, batch: 16, blocks: [6, 12, 24, 16], bottleneck: true },
};

export function networkOf({ blocks, growth, stem, bottleneck }: StepCase): Model {
  if (!bottleneck) return densenet({ blocks, growthRate: growth, stem });
  return torchvisionDensenet({ channels: 1, classes: 10, blocks, growthRate: growth, stemChannels: stem });
}

/** `96×96, batch 256, blocks 4-4-4-4, growth 32, stem 64`, `…, bottlenecks 6-12-24-16, …`. */
export function describeCase({ size, batch, blocks, growth, stem, bottleneck }: StepCase): string {
  return `${size}×${size}, batch ${batch}, ${bottleneck ? 'bottlenecks' : 'blocks'} ${blocks.join('-')}, growth ${growth}, stem ${stem}`;
}
