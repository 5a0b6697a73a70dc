/** A named group of layers of a network. Numbered from 1 if there are several of a kind. */
export interface Block {
  readonly kind: 'stem' | 'denseBlock' | 'transition' | 'residualStage';
  readonly index?: number;
}

/**
 * The layer that an op belongs to: one object for each module of a trace, shared by all ops derived from it, through
 * rewrites and differentiation. Programs of one model have the same modules.
 */
export interface Layer {
  /**
   * The module's path as PyTorch names it (`1.net.0.2`), made unique if several modules have the same path. Undefined
   * for ops outside the modules: the loss, the optimiser, an input.
   */
  readonly module: string | undefined;
  readonly block: Block | undefined;
  /** For messages and tables, not to be parsed: `dense block 1 (1.net.0.2 conv2d)`. */
  readonly label: string;
}

/** The grouping key of a layer: its block, or the layer itself if it is in no block. Compared by reference. */
export type Part = Block | Layer;

/** The layer of ops that belong to no module. */
export function layerWithoutModule(label: string): Layer {
  return { module: undefined, block: undefined, label };
}

export function partOf(layer: Layer): Part {
  return layer.block ?? layer;
}

export const BLOCK_NAMES: Readonly<Record<Block['kind'], string>> = {
  stem: 'stem',
  denseBlock: 'dense block',
  transition: 'transition',
  residualStage: 'residual stage',
};

/** `dense block 1`; the label for a layer in no block. */
export function partName(part: Part): string {
  return nameAndNumber(part).join(' ');
}

/** `['dense block', 1]`; the name alone if there is no number. */
export function nameAndNumber(part: Part): readonly [name: string, index?: number] {
  if ('label' in part) return [part.label];
  const name = BLOCK_NAMES[part.kind];
  return part.index === undefined ? [name] : [name, part.index];
}
