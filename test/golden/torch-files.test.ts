import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeWeights, readWeights } from '../../src/node/weights-file.ts';
import { golden, goldenPath } from '../support/golden.ts';

const FILES = [
  'zip',
  'legacy',
  'protocol3',
  'protocol4',
  'deflated',
  'dtypes',
  'dtypes_legacy',
  'views',
  'views_legacy',
  'checkpoint',
  'parameters',
  'objects',
  'objects_3',
  'objects_4',
  'objects_5',
  'objects_legacy_2',
  'objects_legacy_3',
  'objects_legacy_4',
  'objects_legacy_5',
  'tagged',
];

describe('a file that PyTorch wrote', () => {
  const expected = golden('torch/expected').tensors;

  test.each(FILES)('%s: every tensor is the one that was saved', async (file) => {
    const { tensors } = await readWeights(goldenPath(`torch/${file}.pth`));
    const wanted = [...expected].filter(([name]) => name.startsWith(`${file}/`));
    expect([...tensors.keys()].sort()).toEqual(wanted.map(([name]) => name.slice(file.length + 1)).sort());
    for (const [name, { shape, data }] of wanted) {
      const found = tensors.get(name.slice(file.length + 1))!;
      expect([name, found.shape, found.read()]).toEqual([name, shape, data]);
    }
  });

  test("holds torchvision's state alike as .pth and as safetensors", async () => {
    const { format, tensors } = await readWeights(goldenPath('torchvision_small.pth'));
    const same = await readWeights(goldenPath('torchvision_small.safetensors'));
    expect([format, same.format]).toEqual(['torch.save', 'safetensors']);
    const wanted = [...same.tensors].filter(([name]) => name.startsWith('state.'));
    expect(tensors.size).toBe(wanted.length);
    expect(tensors.size).toBeGreaterThan(100);
    for (const [name, { shape, read }] of wanted) {
      const found = tensors.get(name.slice('state.'.length))!;
      // Batch counters are scalars, but were written to the safetensors file as vectors.
      const counter = name.endsWith('num_batches_tracked');
      expect([name, found.shape, found.read()]).toEqual([name, counter ? [] : shape, read()]);
    }
  });

  test('reports the path of the weights in a checkpoint', async () => {
    const { notes } = await readWeights(goldenPath('torch/checkpoint.pth'));
    expect(notes).toEqual(['the weights are those under state_dict']);
  });

  test('contains objects of many classes in addition to weights: they are skipped, and named', async () => {
    const { notes, stateDicts } = await readWeights(goldenPath('torch/objects.pth'));
    expect(notes).toEqual([
      'the weights are those under state_dict',
      'averages of weights lie beside them, under ema.module: `weights` takes those',
      expect.stringMatching(/^left out what is of .*collections\.Counter, .* of which nothing was run$/),
    ]);
    expect([...stateDicts!.keys()]).toEqual(['state_dict', 'ema.module']);
    const args = await readWeights(goldenPath('torch/namespace.pth'));
    const same = [...expected].filter(([name]) => name.startsWith('zip/'));
    expect([...args.tensors].map(([name, { read }]) => [name, read()])).toEqual(
      same.map(([name, { data }]) => [name.slice('zip/'.length), data]),
    );
  });

  test.each([
    [
      'module',
      /holds a whole network with its code \(an object of torch\.nn\.modules\.container\.Sequential\), not its weights: load it in PyTorch and save its weights alone: torch\.save\(model\.state_dict\(\), 'weights\.pth'\)/,
    ],
    ['module_legacy', /holds a whole network with its code \(an object of __main__\.Net\)/],
    ['module_inside', /holds a whole network .* under model: load it in PyTorch/],
    ['registry', /holds an object of __main__\.Registry, not a state dict: load it in PyTorch and save/],
    ['registry_inside', /holds an object of __main__\.Registry, not a state dict under state_dict: load it/],
  ])('%s.pth holds no state dict: refused by what it holds', async (file, message) => {
    await expect(readWeights(goldenPath(`torch/${file}.pth`))).rejects.toThrow(message);
  });

  test('torchscript.pt is no state dict', async () => {
    await expect(readWeights(goldenPath('torch/torchscript.pt'))).rejects.toThrow(
      /TorchScript.*torch\.save\(model\.state/,
    );
  });

  test.each(['zip', 'legacy'])('%s is refused wherever it is cut off', async (file) => {
    const bytes = readFileSync(goldenPath(`torch/${file}.pth`));
    for (let length = 0; length < bytes.length; length += 13) {
      const cut = decodeWeights(bytes.subarray(0, length), 'cut.pth');
      await expect(cut, `${length} of ${bytes.length} bytes`).rejects.toThrow(/^cut\.pth/);
    }
  });
});
