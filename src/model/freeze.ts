import type { Model } from './module.ts';

/** True when one of the prefixes names a tensor or a part of the network that holds it: `1` holds `1.weight`, not `12.weight`. */
export function hasPrefix(name: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => name === prefix || name.startsWith(`${prefix}.`));
}

/**
 * Prefixes of all of a model but the top-level layers named: freezing them leaves these to be trained.
 * @throws RangeError when there is no such layer.
 */
export function everythingBut(model: Model, ...trained: readonly string[]): readonly string[] {
  const names = model.root.children.map(([name]) => name).filter((name) => name !== '');
  const wrong = trained.find((name) => !names.includes(name));
  if (wrong !== undefined)
    throw new RangeError(`${model.name} has no layer ${wrong}: there are ${names.join(', ')}`);
  return names.filter((name) => !trained.includes(name));
}
