import { stateOf } from '../compile.ts';
import { isFit } from '../io/match-weights.ts';
import { renameWeights, sizesOf, type WantedTensors } from '../io/weight-names.ts';
import type { Weights } from '../io/weights.ts';
import { trace } from '../model/trace.ts';
import { imageSizeOf, MODEL_NAMES, type ModelOverrides, modelByName } from '../model/zoo.ts';
import { InputError } from '../tensor/input-error.ts';

/**
 * The name of the network with these parameters, by their names and shapes, for any number of classes and channels;
 * undefined if there is none in the zoo.
 */
export function modelOf(weights: Weights, source: string): string | undefined {
  return [...MODEL_NAMES, ...cifarNames(weights)].find((name) => {
    try {
      const usual = tensorsOf(name);
      const renamed = renameWeights(weights, usual.keys(), source);
      if ([...usual.keys()].some((wanted) => !renamed.tensors.has(wanted))) return false;
      return isFit(renamed, tensorsOf(name, sizesOf(renamed, usual)));
    } catch (error) {
      if (error instanceof InputError) return false; // Two tensors with the same name, or maps without pixels.
      throw error;
    }
  });
}

function tensorsOf(name: string, overrides: ModelOverrides = {}): WantedTensors {
  const size = imageSizeOf(name)!;
  return stateOf(trace(modelByName(name, overrides), 1, [size, size], 'evaluate').graph);
}

/** Candidate names of the paper's networks for CIFAR, with these layer names: with and without compression. */
function cifarNames({ tensors }: Weights): readonly string[] {
  const layers = new Set<string>();
  let growthRate: number | undefined;
  let hasBottlenecks = false;
  for (const [name, { shape }] of tensors) {
    const [, layer, convolution] = /denseblock1\.denselayer(\d+)\..*conv\.?([12])\.weight$/.exec(name) ?? [];
    if (layer === undefined) continue;
    layers.add(layer);
    if (convolution === '2') hasBottlenecks = true;
    if (convolution === '2' || !hasBottlenecks) growthRate = shape[0];
  }
  if (layers.size === 0) return [];
  const depth = layers.size * (hasBottlenecks ? 6 : 3) + 4;
  const kinds = hasBottlenecks ? ['b-', 'bc-'] : ['', 'c-'];
  const names = kinds.map((kind) => `densenet-${kind}${depth}-${growthRate}`);
  return names.filter((name) => imageSizeOf(name) !== undefined);
}
