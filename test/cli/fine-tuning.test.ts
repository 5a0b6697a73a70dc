import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stateOf } from '../../src/compile.ts';
import { encodeSafetensors } from '../../src/io/safetensors.ts';
import { initialNumbers } from '../../src/model/initialize.ts';
import { trace } from '../../src/model/trace.ts';
import { modelByName } from '../../src/model/zoo.ts';
import { loadCheckpoint } from '../../src/run/checkpoint-file.ts';
import { elementCount } from '../../src/tensor/shape.ts';
import { densorIn } from '../support/cli.ts';
import { bitsOf } from '../support/floats.ts';
import { picture, writeColours, writeFiles } from '../support/images.ts';

/** Torchvision's names, three blocks of one layer. */
const MODEL = 'densenet-bc-10-4';

let folder: string;
const densor = (...args: readonly string[]) => densorIn(folder, ...args);

/** A network for seven classes, with PyTorch's names. */
let weights: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
  const { graph, initializers } = trace(modelByName(MODEL, { classes: 7 }), 1, [32, 32], 'evaluate');
  weights = new Map(
    [...stateOf(graph)].map(([name, { shape }]) => {
      const data = initialNumbers(3, name, elementCount(shape), initializers.get(name)!);
      return [name, { shape, data }];
    }),
  );
  writeFileSync(
    join(folder, 'net.safetensors'),
    Buffer.concat(encodeSafetensors({ metadata: new Map(), tensors: weights })),
  );
  await writeColours(join(folder, 'colours'), 12);
  writeFiles(folder, {
    'blue.png': await picture({ colour: [10, 10, 190] }),
    'red.png': await picture({ colour: [190, 10, 10] }),
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("weights from elsewhere learn one's own classes: the body keeps its bits, a new head is trained", async () => {
  const imported = await densor('import', 'net.safetensors', '--model', MODEL, '--out', 'base');
  expect(imported.status, imported.stderr).toBe(0);
  const args =
    '--data folder:colours --freeze body --normalize measured --size 32 --batch 4 --optimizer adamw --epochs 6 --lr 0.1 --out tuned --json';
  const trained = await densor('train', '--from', 'base', ...args.split(' '));
  expect(trained.status, trained.stderr).toBe(0);
  expect(trained.stderr).toMatch(/new head: classifier\.weight, classifier\.bias/);

  const { state, run } = loadCheckpoint(join(folder, 'tuned', 'last.safetensors'));
  expect(run.config).toMatchObject({ freeze: ['body'], classes: 3, classNames: ['blue', 'green', 'red'] });
  for (const [name, { data }] of weights) {
    if (name.startsWith('classifier')) continue;
    expect([name, bitsOf(state.get(name)!)]).toEqual([name, bitsOf(data)]);
  }
  const weight = state.get('classifier.weight')!;
  expect(weight.length).toBe((weights.get('classifier.weight')!.data.length / 7) * 3);

  const predicted = await densor('predict', 'tuned', 'blue.png', 'red.png', '--json');
  const tops = JSON.parse(predicted.stdout).predictions.map(
    (image: { top: { class: string }[] }) => image.top[0]!.class,
  );
  expect(tops).toEqual(['blue', 'red']);
  expect(JSON.parse(trained.stdout).testAccuracy).toBe(1);
});

test.each([
  ['parts that are not there', '--freeze features.conv7', /--freeze features\.conv7: .*no parameters/],
  ['all there is', '--freeze features,classifier', /nothing to train/],
  ['nothing', '--freeze ,', /expected names/],
  ['dropout where there is none', '--model notes --dropout 0.2', /notes has no dropout/],
])('%s, asked for, are refused and nothing is written', async (_, args, message) => {
  const run = await densor(
    ...`train --model ${MODEL} --data folder:colours --size 32 --batch 4 --out refused`.split(' '),
    ...args.split(' '),
  );
  expect([run.status, run.stdout]).toEqual([2, '']);
  expect(run.lastLine).toMatch(message);
  expect(existsSync(join(folder, 'refused'))).toBe(false);
});
