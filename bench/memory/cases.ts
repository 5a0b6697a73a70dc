/** A command line whose resident peak is held against its plan. */
export interface MemoryCase {
  readonly name: string;
  /** `--steps 1` of `bench` is one step to warm up and one more. */
  readonly args: string;
  /** Of `--memory-limit`, each a run: undefined is without; `smallest` what the command names as that. */
  readonly limits: readonly (string | undefined)[];
  /** A training run ends after so many steps, as by Ctrl-C: with a checkpoint, without testing on 10,000 images. */
  readonly stopAfter?: number;
}

const TRAIN = 'train --data fashion-mnist --epochs 1';

export const MEMORY_CASES: readonly MemoryCase[] = [
  { name: 'notes-96', args: 'bench --size 96 --batch 256', limits: [undefined, 'smallest'] },
  { name: 'notes-224', args: 'bench --size 224 --batch 256', limits: [undefined, '1.5GiB', 'smallest'] },
  {
    name: 'cifar-32',
    args: 'bench --model densenet-bc-100-12 --size 32 --batch 64',
    limits: [undefined, '268MiB', 'smallest'],
  },
  {
    name: 'densenet121-224',
    args: 'bench --model densenet121 --size 224 --batch 32',
    limits: [undefined, '800MiB', 'smallest'],
  },
  {
    name: 'densenet264-224',
    args: 'bench --model densenet264 --size 224 --batch 32',
    limits: [undefined, '1.3GiB', 'smallest'],
  },
  {
    name: 'resnet18-96',
    args: 'bench --model resnet18-d2l --size 96 --batch 64',
    limits: [undefined, 'smallest'],
  },
  {
    name: 'bench-wasm',
    args: 'bench --size 64 --batch 64 --engine wasm',
    limits: [undefined, 'smallest'],
  },
  {
    name: 'train-native',
    args: `${TRAIN} --limit 320 --size 48 --batch 64 --engine native`,
    limits: [undefined, 'smallest'],
  },
  {
    name: 'train-wasm',
    args: `${TRAIN} --limit 320 --size 48 --batch 64 --engine wasm`,
    limits: [undefined, 'smallest'],
  },
  {
    name: 'train-notes-224',
    args: `${TRAIN} --limit 512 --size 224 --batch 256`,
    limits: ['1.5GiB'],
    stopAfter: 2,
  },
  {
    name: 'train-notes-224-bf16',
    args: `${TRAIN} --limit 512 --size 224 --batch 256 --precision bf16`,
    limits: ['0.9GiB'],
    stopAfter: 2,
  },
];
