/** A command line whose resident peak is compared with its plan. */
export interface MemoryCase {
  readonly name: string;
  /** `bench --steps 1` runs a warm-up step and one more. */
  readonly args: string;
  /** Values of `--memory-limit`, one run each; undefined: no limit; `smallest`: that named by the command. */
  readonly limits: readonly (string | undefined)[];
  /** Interrupts a training run after this number of steps, so that it saves a checkpoint but does not evaluate. */
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
