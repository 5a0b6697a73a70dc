import { counted } from '../tensor/counted.ts';
import { type Weights, WeightsError, type WeightTensor } from './named-weights.ts';

/**
 * Names of averaged weights that training scripts store with the weights: `state_dict_ema`, `ema.module`,
 * `swa_model`.
 */
const AVERAGES = /(^|[_.])(ema|swa|avg|averaged?)([_.]|$)/i;
const LISTED = 10;

/** Whether a name is that of averaged weights. */
export function isAverage(name: string): boolean {
  return AVERAGES.test(name);
}

/** The note about other weights in a file that were not used. */
export function besideNote(name: string): string {
  return `${isAverage(name) ? 'averages of weights' : 'other weights'} lie beside them, under ${name}: \`weights\` takes those`;
}

/**
 * Selects one of several sets of weights in a file by name: a state dict in a checkpoint (`state_dict_ema`,
 * `ema.module`), or the tensors with this prefix (`ema_model` of `ema_model.features.conv0.weight`).
 * @throws WeightsError if there is none.
 */
export function chooseWeights(weights: Weights, name: string, source: string): Weights {
  const { stateDicts, tensors } = weights;
  const chosen = stateDicts?.get(name) ?? below(tensors, name);
  if (chosen.size > 0) return { ...weights, tensors: chosen, notes: [`the weights are those under ${name}`] };
  const sets = stateDicts?.size ? sizesOf(stateDicts) : prefixesOf(tensors);
  const there = [...sets].slice(0, LISTED).map(([set, size]) => `${set} (${counted(size, 'tensor')})`);
  throw new WeightsError(
    `${source} has no weights under ${name}: ` +
      (there.length ? `it has ${there.join(', ')}` : 'its tensors are not in groups; leave `weights` out'),
  );
}

function below(tensors: ReadonlyMap<string, WeightTensor>, name: string): ReadonlyMap<string, WeightTensor> {
  const prefix = `${name}.`;
  return new Map(
    [...tensors].flatMap(([full, tensor]) =>
      full.startsWith(prefix) ? [[full.slice(prefix.length), tensor] as const] : [],
    ),
  );
}

function sizesOf(sets: ReadonlyMap<string, ReadonlyMap<string, unknown>>): ReadonlyMap<string, number> {
  return new Map([...sets].map(([name, { size }]) => [name, size]));
}

/** The first components of tensor names, and the number of tensors with each. */
function prefixesOf(tensors: ReadonlyMap<string, WeightTensor>): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const name of tensors.keys()) {
    const [first] = name.split('.', 1) as [string];
    if (first !== name) sizes.set(first, (sizes.get(first) ?? 0) + 1);
  }
  return sizes;
}
