import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { stateOf } from '../../src/compile.ts';
import { IMAGENET_CLASSES } from '../../src/data/imagenet-classes.ts';
import type { Initializer } from '../../src/model/initialize.ts';
import { trace } from '../../src/model/trace.ts';
import { modelByName } from '../../src/model/zoo.ts';
import { loadCheckpoint } from '../../src/run/checkpoint-file.ts';
import { elementCount } from '../../src/tensor/shape.ts';
import { densorIn } from '../support/cli.ts';
import { bitsOf } from '../support/floats.ts';
import { closeServers, serve } from '../support/http.ts';
import { picture, writeColours, writeFiles } from '../support/images.ts';
import { legacyTorchFile } from '../support/pickle.ts';

let folder: string;
let address: string;
const densor = (...args: readonly string[]) => densorIn(folder, ...args);

type Tensors = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
let weights: Tensors;

/** Values of about the same size as the initial ones, but faster to generate: there are eight million. */
function quickNumbers(length: number, init: Initializer): Float32Array {
  if (init.kind === 'constant') return new Float32Array(length).fill(init.value);
  const bound = init.kind === 'normal' ? Math.sqrt(3) * init.deviation : init.bound;
  let bits = length;
  return Float32Array.from({ length }, () => {
    bits = (Math.imul(bits, 1_664_525) + 1_013_904_223) | 0;
    return (bits / 2 ** 31) * bound;
  });
}

/** A DenseNet-121 in PyTorch's published format: not a zip file, and `norm.1` instead of `norm1`. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
  const { graph, initializers } = trace(modelByName('densenet121')!, 1, [64, 64], 'evaluate');
  weights = new Map(
    [...stateOf(graph)].map(([name, { shape }]) => {
      return [name, { shape, data: quickNumbers(elementCount(shape), initializers.get(name)!) }];
    }),
  );
  const oldName = (name: string) => name.replace(/(denselayer\d+\.(?:norm|conv))([12])/, '$1.$2');
  const bytes = legacyTorchFile(new Map([...weights].map(([name, tensor]) => [oldName(name), tensor])));
  const file = `densenet121-${createHash('sha256').update(bytes).digest('hex').slice(0, 8)}.pth`;
  address = `${await serve((_, response) => response.end(bytes))}${file}`;
  await writeColours(join(folder, 'colours'), 5);
  writeFiles(folder, { 'blue.png': await picture({ colour: [10, 10, 190] }) });
}, 120_000);
afterAll(() => {
  closeServers();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

test('pull downloads weights once and says how to use them', async () => {
  const first = await densor('pull', 'densenet121', '--url', address);
  expect(first.status, first.stderr).toBe(0);
  expect(first.stderr).toMatch(/densenet121 is not here yet: downloading densenet121-\w{8}\.pth/);
  expect(first.stdout).toMatch(
    /weights for the 1,000 classes of ImageNet, .* downloaded: .*cache.densor.weights/,
  );
  expect(first.stdout).toContain('densor train photos/ --from densenet121');
  const again = await densor('pull', 'densenet121', '--json');
  expect(JSON.parse(again.stdout)).toMatchObject({ model: 'densenet121', downloaded: false, url: address });
  const unknown = await densor('pull', 'vgg16');
  expect([unknown.status, unknown.lastLine]).toEqual([
    2,
    expect.stringMatching(/weights of vgg16: expected densenet121/),
  ]);
});

test('unchanged, they predict the classes of ImageNet', async () => {
  const imported = await densor('import', 'densenet121', '--out', 'imagenet');
  expect(imported.status, imported.stderr).toBe(0);
  expect(imported.stderr).toMatch(/606 tensors taken over, 580 of them renamed/);
  const { config } = loadCheckpoint(join(folder, 'imagenet/last.safetensors')).run;
  expect(config).toMatchObject({ model: 'densenet121', size: 224, classNames: IMAGENET_CLASSES });
  expect(config.transforms?.normalization?.mean).toEqual([0.485, 0.456, 0.406]);
  const { stdout, stderr } = await densor('predict', 'imagenet', 'blue.png', '--top', '2', '--json');
  for (const { class: name } of JSON.parse(stdout || stderr).predictions[0].top) {
    expect(IMAGENET_CLASSES).toContain(name);
  }
});

test("trained on one's own pictures: the head first, by the recipe for that, at their size", async () => {
  const args = '--data folder:colours --epochs 2 --head-epochs 1 --batch 6 --out tuned --json'.split(' ');
  const { status, stdout, stderr } = await densor('train', '--from', 'densenet121', ...args);
  expect(status, stderr).toBe(0);
  expect(stderr).toMatch(
    /recipe fine-tune: adamw, lr 0\.0001, one-cycle, the classifier alone for 1 epoch at lr 0\.002/,
  );
  expect(stderr).toMatch(/new head: classifier\.weight, classifier\.bias/);
  expect(stderr).not.toContain('warning: the weights');
  expect(JSON.parse(stdout)).toMatchObject({ finished: true });
  const { run, state } = loadCheckpoint(join(folder, 'tuned/last.safetensors'));
  expect(run.config).toMatchObject({
    recipe: 'fine-tune',
    model: 'densenet121',
    size: 64,
    classes: 3,
    headEpochs: 1,
  });
  expect(run.config.transforms).toMatchObject({ normalize: 'imagenet' });
  const stem = 'features.conv0.weight';
  expect(bitsOf(state.get(stem)!)).not.toEqual(bitsOf(weights.get(stem)!.data));
});

test('are refused for grayscale images', async () => {
  const { status, lastLine } = await densor(
    'train',
    '--from',
    'densenet121',
    '--data',
    'sample',
    '--out',
    'grey',
  );
  expect([status, lastLine]).toEqual([
    2,
    expect.stringMatching(/sample has images of 1 channel, .* are for 3/),
  ]);
});
