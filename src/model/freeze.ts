import { assertNever } from '../tensor/assert-never.ts';
import type { Model, Module } from './module.ts';

/**
 * True if one of the prefixes is the name of a tensor or of a module that contains it: `1` contains `1.weight`, not
 * `12.weight`.
 */
export function hasPrefix(name: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => name === prefix || name.startsWith(`${prefix}.`));
}

/** The name for all layers but the last, the classifier. */
const BODY = 'body';

/** Prefixes of the named modules of a model: each name is a prefix, or `body`. */
export function frozenParts(model: Model, names: readonly string[]): readonly string[] {
  const [head] = model.root.children.at(-1)!;
  return names.flatMap((name) => (name === BODY ? everythingBut(model, head) : [name]));
}

/**
 * Prefixes of all top-level layers of a model except those named: freezing them leaves the named layers trainable.
 * @throws RangeError when there is no such layer.
 */
export function everythingBut(model: Model, ...trained: readonly string[]): readonly string[] {
  const names = model.root.children.flatMap(([name, module]) => (hasState(module) ? [name] : []));
  const wrong = trained.find((name) => !names.includes(name));
  if (wrong !== undefined)
    throw new RangeError(`${model.name} has no layer ${wrong}: there are ${names.join(', ')}`);
  return names.filter((name) => !trained.includes(name));
}

function hasState(module: Module): boolean {
  switch (module.kind) {
    case 'conv2d':
    case 'linear':
    case 'batchNorm':
      return true;
    case 'relu':
    case 'dropout':
    case 'maxPool':
    case 'avgPool':
    case 'globalAvgPool':
    case 'flatten':
    case 'identity':
      return false;
    case 'sequential':
      return module.children.some(([, child]) => hasState(child));
    case 'denseBlock':
      return module.layers.some(([, layer]) => hasState(layer));
    case 'sum':
      return module.branches.some(([, branch]) => hasState(branch));
    default:
      return assertNever(module);
  }
}
