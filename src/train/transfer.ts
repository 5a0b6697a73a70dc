import { hasPrefix } from '../model/freeze.ts';
import type { StateTensor } from '../plan/compiled-network.ts';
import { type Shape, shapesEqual } from '../tensor/shape.ts';
import { requireFits, type StateNumbers } from './checkpoint.ts';

/** Tensors from elsewhere, by name. */
export interface StoredState {
  readonly state: StateNumbers;
  readonly shapes: ReadonlyMap<string, Shape>;
}

/** What a network takes over from a stored state, and what stays as it was initialised. */
export interface Transfer {
  readonly state: StateNumbers;
  readonly fresh: readonly string[];
}

/**
 * Weights for a network that may have another head than the one they were trained with, for other classes: a head that
 * does not fit stays out as a whole, everything else must fit.
 * @param source the file's name in messages.
 * @param head the name of the last layer: `headName(model)`.
 * @throws CheckpointError when another tensor is missing, too many, of another shape or not finite.
 */
export function transferState(
  source: string,
  stored: StoredState,
  network: ReadonlyMap<string, StateTensor>,
  head: string,
): Transfer {
  const isHead = (name: string) => hasPrefix(name, [head]);
  const heads = [...network].filter(([name]) => isHead(name));
  const fits = heads.every(([name, { shape }]) => {
    const shapeThere = stored.shapes.get(name);
    return shapeThere !== undefined && shapesEqual(shapeThere, shape);
  });
  if (fits) {
    requireFits(source, stored, network);
    return { state: stored.state, fresh: [] };
  }
  const butHead = <T>(tensors: ReadonlyMap<string, T>) =>
    new Map([...tensors].filter(([name]) => !isHead(name)));
  const kept = { state: butHead(stored.state), shapes: butHead(stored.shapes) };
  requireFits(source, kept, butHead(network));
  return { state: kept.state, fresh: heads.map(([name]) => name) };
}
