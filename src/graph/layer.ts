/** A part of a network that its author names: several layers. Numbered from 1 where there are several of a kind. */
export interface Block {
  readonly kind: 'stem' | 'denseBlock' | 'transition' | 'residualStage';
  readonly index?: number;
}

/**
 * The layer that an op belongs to: one object for each module of a trace, shared by all ops that come of it, through
 * rewrites and differentiation. Programs of one model have the same modules.
 */
export interface Layer {
  /**
   * The module's path as PyTorch names it (`1.net.0.2`), made unique where several have the same. Undefined for what
   * is no module: the loss, the optimiser, an input.
   */
  readonly module: string | undefined;
  readonly block: Block | undefined;
  /** For messages and tables, never to be parsed: `dense block 1 (1.net.0.2 conv2d)`. */
  readonly label: string;
}

/** What groups layers: their block, or a layer that is in none. Compared by reference. */
export type Part = Block | Layer;

/** The layer of what belongs to no module. */
export function layerWithoutModule(label: string): Layer {
  return { module: undefined, block: undefined, label };
}

export function partOf(layer: Layer): Part {
  return layer.block ?? layer;
}

const BLOCK_NAMES: Readonly<Record<Block['kind'], string>> = {
  stem: 'stem',
  denseBlock: 'dense block',
  transition: 'transition',
  residualStage: 'residual stage',
};

/** `dense block 1`; a layer in no block by its label. */
export function partName(part: Part): string {
  return nameAndNumber(part).join(' ');
}

/** `['dense block', 1]`; of what has no number the name alone. */
export function nameAndNumber(part: Part): readonly [name: string, index?: number] {
  if ('label' in part) return [part.label];
  const name = BLOCK_NAMES[part.kind];
  return part.index === undefined ? [name] : [name, part.index];
}
