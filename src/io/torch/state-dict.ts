import type { WeightTensor } from '../named-weights.ts';
import { quoted, refuser } from './error.ts';
import { isDict, isKind, type PickleDict, type PickleValue, type TorchTensor } from './pickle-value.ts';
import { readTensor } from './tensor.ts';

/** Where training scripts keep the weights in their checkpoints, the usual ones first. */
const NESTED_UNDER = ['state_dict', 'model_state_dict', 'model', 'net', 'network', 'weights', 'params'];

/**
 * The state dict of a file of torch.save: the object itself, or one it holds under a usual name. Tensors wait to be read.
 * @throws TorchFileError when there is none.
 */
export function stateDictOf(
  value: PickleValue,
  source: string,
): { readonly tensors: ReadonlyMap<string, WeightTensor>; readonly notes: readonly string[] } {
  const refuse = refuser(source);
  if (!isDict(value))
    return refuse('holds no state dict: expected what torch.save(model.state_dict(), …) writes');
  const found = find(value);
  if (!found) {
    const keys = [...value.keys()].slice(0, 10).map((key) => quoted(String(key)));
    return refuse(
      `holds no tensors by name, directly or under ${NESTED_UNDER.slice(0, 3).join(', ')}: ` +
        (keys.length ? `it has ${keys.join(', ')}` : 'it is empty'),
    );
  }
  const { dict, under } = found;
  const notes = under === undefined ? [] : [`the weights are those under ${quoted(under)}`];
  const tensors = new Map<string, WeightTensor>();
  const others: string[] = [];
  for (const [name, tensor] of dict) {
    if (typeof name === 'string' && isKind(tensor, 'tensor')) tensors.set(name, weightOf(tensor));
    else others.push(quoted(String(name)));
  }
  if (others.length)
    notes.push(`left out ${others.length} that are no tensors: ${others.slice(0, 10).join(', ')}`);
  return { tensors, notes };
}

function find(value: PickleDict): { dict: PickleDict; under?: string } | undefined {
  if (holdsTensors(value)) return { dict: value };
  for (const under of NESTED_UNDER) {
    const dict = value.get(under);
    if (isDict(dict) && holdsTensors(dict)) return { dict, under };
  }
  return undefined;
}

function holdsTensors(dict: PickleDict): boolean {
  return [...dict.values()].some((value) => isKind(value, 'tensor'));
}

function weightOf(tensor: TorchTensor): WeightTensor {
  return { shape: tensor.shape, read: () => readTensor(tensor) };
}
