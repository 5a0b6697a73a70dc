import { listed } from '../../tensor/listed.ts';
import { besideNote, isAverage } from '../choose-weights.ts';
import { MAX_NAME_CHARACTERS, type Weights, type WeightTensor } from '../named-weights.ts';
import { quoted } from '../quoted.ts';
import { refuser, SAVE_WEIGHTS } from './error.ts';
import {
  isDict,
  isKind,
  type PickleDict,
  type PickleValue,
  type Placeholder,
  type TorchTensor,
} from './pickle-value.ts';
import type { TorchContent } from './read.ts';
import { readTensor } from './tensor.ts';

/** The keys under which training scripts store weights in checkpoints. */
const USUAL = ['state_dict', 'model_state_dict', 'model', 'net', 'network', 'weights', 'params'];
/** The path of the top-level object. */
const ROOT = '';
/** Optimizer states are also dicts of tensors. */
const OPTIMIZER = /^optim/i;
const MAX_DEPTH = 4;
const MAX_STATE_DICTS = 1000;
const MAX_KEY_CHARACTERS = 200;
const LISTED = 10;

/**
 * The state dict in a file of torch.save: the top-level object or a dict inside it. Prefers, among the top-level
 * object and dicts under the usual keys, the one with the most tensors (a best accuracy may also be a tensor);
 * otherwise the largest dict. Tensors are read on demand.
 * @throws TorchFileError if there is none.
 */
export function stateDictOf({ value, unknownNames }: TorchContent, source: string): Omit<Weights, 'format'> {
  const named = unknownNames.length
    ? ` (it names ${listed(unknownNames, LISTED, quoted)}, of which nothing was run)`
    : '';
  const refuse = (reason: string) => refuser(source)(reason + named);
  if (isKind(value, 'placeholder')) return refuse(`holds ${described(value)}: ${SAVE_WEIGHTS}`);
  if (!isDict(value))
    return refuse('holds no state dict: expected what torch.save(model.state_dict(), …) writes');
  const all = stateDictsIn(value);
  const under = mainOf(all);
  const strange = placeholderWeights(value, under === undefined);
  if (strange && (under === undefined || under === ROOT)) {
    const [key, placeholder] = strange;
    return refuse(`holds ${described(placeholder)} under ${quoted(key)}: ${SAVE_WEIGHTS}`);
  }
  if (under === undefined) {
    const keys = [...value.keys()].slice(0, LISTED).map((key) => quoted(String(key)));
    return refuse(
      `holds no tensors by name, directly or under ${USUAL.slice(0, 3).join(', ')}: ` +
        (keys.length ? `it has ${keys.join(', ')}` : 'it is empty'),
    );
  }
  const dict = all.get(under)!;
  const tensors = tensorsOf(dict);
  const notes = under === ROOT ? [] : [`the weights are those under ${quoted(under)}`];
  for (const [path, { size }] of [...all].map(([path, other]) => [path, tensorsOf(other)] as const)) {
    const isOther = path !== under && path !== ROOT;
    if (isOther && (isAverage(path) || size >= tensors.size / 2)) notes.push(besideNote(quoted(path)));
  }
  const others = [...dict].filter(([name, item]) => !isNamedTensor(name, item));
  if (others.length)
    notes.push(
      `left out ${others.length} that are no tensors: ${listed(
        others.map(([name]) => String(name)),
        LISTED,
        quoted,
      )}`,
    );
  if (unknownNames.length)
    notes.push(`left out what is of ${listed(unknownNames, LISTED, quoted)}, of which nothing was run`);
  const stateDicts = [...all].flatMap(([path, other]) =>
    path === ROOT ? [] : [[path, tensorsOf(other)] as const],
  );
  return { tensors, notes, stateDicts: new Map(stateDicts) };
}

/** All dicts with tensors, by their paths of keys (`ema.module`), without duplicates. */
function stateDictsIn(root: PickleDict): ReadonlyMap<string, PickleDict> {
  const found = new Map<string, PickleDict>();
  const seen = new Set([root]);
  let level: (readonly [path: readonly string[], dict: PickleDict])[] = [[[], root]];
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    const next: typeof level = [];
    for (const [path, dict] of level) {
      const name = path.join('.');
      if (countTensors(dict) > 0 && !found.has(name) && found.size < MAX_STATE_DICTS) found.set(name, dict);
      for (const [key, value] of dict) {
        if (typeof key !== 'string' || key.length > MAX_KEY_CHARACTERS || OPTIMIZER.test(key)) continue;
        if (!isDict(value) || seen.has(value)) continue;
        seen.add(value);
        next.push([[...path, key], value]);
      }
    }
    level = next;
  }
  return found;
}

/** The path of the network's weights. */
function mainOf(all: ReadonlyMap<string, PickleDict>): string | undefined {
  const usual = largest(
    [...USUAL, ROOT].filter((path) => all.has(path)),
    all,
  );
  if (usual !== undefined && usual !== ROOT) return usual;
  const paths = [...all.keys()];
  return (
    largest(
      paths.filter((path) => !isAverage(path)),
      all,
    ) ?? largest(paths, all)
  );
}

/** The path with the most tensors; the first one in case of a tie. */
function largest(paths: readonly string[], all: ReadonlyMap<string, PickleDict>): string | undefined {
  const sizes = paths.map((path) => countTensors(all.get(path)!));
  return paths[sizes.indexOf(Math.max(...sizes))];
}

/** A placeholder under a usual key: that of a whole module or, if requested, of any class. */
function placeholderWeights(
  value: PickleDict,
  ofAnyClass: boolean,
): readonly [key: string, placeholder: Placeholder] | undefined {
  for (const key of USUAL) {
    const item = value.get(key);
    if (isKind(item, 'placeholder') && (item.isModule || ofAnyClass)) return [key, item];
  }
  return undefined;
}

function described({ name, isModule }: Placeholder): string {
  const object = `an object of ${quoted(name)}`;
  return isModule
    ? `a whole network with its code (${object}), not its weights`
    : `${object}, not a state dict`;
}

function tensorsOf(dict: PickleDict): ReadonlyMap<string, WeightTensor> {
  const tensors = new Map<string, WeightTensor>();
  for (const [name, item] of dict) {
    if (isNamedTensor(name, item)) tensors.set(name as string, weightOf(item as TorchTensor));
  }
  return tensors;
}

function countTensors(dict: PickleDict): number {
  let count = 0;
  for (const [name, item] of dict) if (isNamedTensor(name, item)) count++;
  return count;
}

function isNamedTensor(name: unknown, item: PickleValue): boolean {
  return typeof name === 'string' && name.length <= MAX_NAME_CHARACTERS && isKind(item, 'tensor');
}

function weightOf(tensor: TorchTensor): WeightTensor {
  return { shape: tensor.shape, read: () => readTensor(tensor) };
}
