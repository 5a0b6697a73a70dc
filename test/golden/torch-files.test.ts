import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeWeights, readWeights } from '../../src/node/weights-file.ts';
import { golden } from '../support/golden.ts';

const path = (name: string) => new URL(`../golden/${name}`, import.meta.url).pathname;
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
];

describe('a file that PyTorch wrote', () => {
  const expected = golden('torch/expected').tensors;

  test.each(FILES)('%s: every tensor is the one that was saved', async (file) => {
    const { tensors } = await readWeights(path(`torch/${file}.pth`));
    const wanted = [...expected].filter(([name]) => name.startsWith(`${file}/`));
    expect([...tensors.keys()].sort()).toEqual(wanted.map(([name]) => name.slice(file.length + 1)).sort());
    for (const [name, { shape, data }] of wanted) {
      const found = tensors.get(name.slice(file.length + 1))!;
      expect([name, found.shape, found.read()]).toEqual([name, shape, data]);
    }
  });

  test("holds torchvision's state alike as .pth and as safetensors", async () => {
    const { format, tensors } = await readWeights(path('torchvision_small.pth'));
    const same = await readWeights(path('torchvision_small.safetensors'));
    expect([format, same.format]).toEqual(['torch.save', 'safetensors']);
    const wanted = [...same.tensors].filter(([name]) => name.startsWith('state.'));
    expect(tensors.size).toBe(wanted.length);
    expect(tensors.size).toBeGreaterThan(100);
    for (const [name, { shape, read }] of wanted) {
      const found = tensors.get(name.slice('state.'.length))!;
      // The counters of batches, which are scalars, were written to the safetensors file as vectors.
      const counter = name.endsWith('num_batches_tracked');
      expect([name, found.shape, found.read()]).toEqual([name, counter ? [] : shape, read()]);
    }
  });

  test('says where in a checkpoint the weights were', async () => {
    const { notes } = await readWeights(path('torch/checkpoint.pth'));
    expect(notes).toEqual(['the weights are those under state_dict']);
  });

  test.each([
    ['module.pth', /torch\.nn\.modules\.container\.Sequential/],
    ['namespace.pth', /argparse\.Namespace/],
    ['torchscript.pt', /TorchScript/],
  ])('%s is no state dict: refused by what it asks for', async (file, message) => {
    await expect(readWeights(path(`torch/${file}`))).rejects.toThrow(message);
  });

  test.each(['zip', 'legacy'])('%s is refused wherever it is cut off', async (file) => {
    const bytes = readFileSync(path(`torch/${file}.pth`));
    for (let length = 0; length < bytes.length; length += 13) {
      const cut = decodeWeights(bytes.subarray(0, length), 'cut.pth');
      await expect(cut, `${length} of ${bytes.length} bytes`).rejects.toThrow(/^cut\.pth/);
    }
  });
});
