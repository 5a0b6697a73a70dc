import type { WeightTensor } from '../named-weights.ts';
import { quoted, refuser } from './error.ts';
import { isDict, isKind, type PickleDict, type PickleValue, type TorchTensor } from './pickle-value.ts';
import { readTensor } from './tensor.ts';

/** Where training scripts keep the weights in their checkpoints, the usual ones first. */
const NESTED_UNDER = ['state_dict', 'model_state_dict', 'model', 'net', 'network', 'weights', 'params'];

/** Averages that training scripts keep beside the weights. */
const AVERAGES = /(^|_)(ema|swa|averaged?)(_|$)/i;

/**
 * The state dict of a file of torch.save: the object itself or one it holds under a usual name, whichever has more tensors:
 * the best accuracy may be one too. Tensors wait to be read.
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
  for (const [key, other] of value) {
    if (
      typeof key === 'string' &&
      key !== under &&
      AVERAGES.test(key) &&
      isDict(other) &&
      countTensors(other)
    )
      notes.push(`averages of weights lie beside them, under ${quoted(key)}: not taken`);
  }
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
  const candidates: { dict: PickleDict; under?: string }[] = [];
  for (const under of NESTED_UNDER) {
    const dict = value.get(under);
    if (isDict(dict)) candidates.push({ dict, under });
  }
  candidates.push({ dict: value });
  const most = Math.max(...candidates.map(({ dict }) => countTensors(dict)));
  return most === 0 ? undefined : candidates.find(({ dict }) => countTensors(dict) === most);
}

function countTensors(dict: PickleDict): number {
  return [...dict.values()].filter((value) => isKind(value, 'tensor')).length;
}

function weightOf(tensor: TorchTensor): WeightTensor {
  return { shape: tensor.shape, read: () => readTensor(tensor) };
}
