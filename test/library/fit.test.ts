import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type FitOptions,
  loadRun,
  type NodeNetwork,
  type ProgramData,
  type TrainEvent,
  fit as train,
} from '../../src/index.ts';
import { loadCheckpoint } from '../../src/run/checkpoint-file.ts';
import { densorIn } from '../support/cli.ts';
import { colourImage, colours, OWN_NETWORK } from '../support/colours.ts';
import { bitsOfAll } from '../support/floats.ts';
import { picture, writeColours } from '../support/images.ts';

const DATA = colours(36);
const FAST: FitOptions = { epochs: 2, lr: 0.05, threads: 1, batch: 8 };
let folder: string;
const opened: NodeNetwork[] = [];
const own = async (data: string | ProgramData, options: FitOptions = {}, network = OWN_NETWORK) => {
  const run = await train(network, data, { ...FAST, ...options });
  opened.push(run);
  return run;
};
const bits = ({ trained }: NodeNetwork) => bitsOfAll(trained.checkpoint.training.state);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'densor-fit-'));
  await writeColours(join(folder, 'data'), 8);
});
afterAll(async () => {
  for (const run of opened) await run.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('fit', () => {
  test('trains a network of modules on arrays, and emits events', async () => {
    const events: TrainEvent[] = [];
    const run = await own(DATA, { epochs: 4, onEvent: (event) => events.push(event) });
    expect(run.finished).toBe(true);
    expect(run.classNames).toEqual(['blue', 'green', 'red']);
    expect(run.config).toMatchObject({ size: 12, batch: 8, model: 'mine', data: 'images of a program' });
    expect(events[0]).toMatchObject({ kind: 'start', trainImages: 24, validationImages: 6, testImages: 6 });
    expect(events.at(-1)).toMatchObject({ kind: 'end', testAccuracy: 1 });
    expect((await run.predict(colourImage(DATA, 4)))[0]!.label).toBe('green');
  });

  test('gives the same bits for the same pixels in any form', async () => {
    const { images, shape, labels } = DATA;
    const options = { size: 12 };
    const wanted = bits(await own(DATA, options));
    const list = labels.map((_, i) => colourImage(DATA, i));
    const floats = Float32Array.from(images, (byte) => byte / 255);
    expect(bits(await own({ images: floats, shape, labels }, options))).toEqual(wanted);
    expect(bits(await own({ images: list, labels }, options))).toEqual(wanted);
    expect(
      bits(
        await own(
          list.map((image, i) => ({ image, label: labels[i]! })),
          options,
        ),
      ),
    ).toEqual(wanted);
    async function* stream() {
      for (const [i, image] of list.entries()) yield { image, label: labels[i]! };
    }
    expect(bits(await own(stream(), options))).toEqual(wanted);
  });

  test('trains on a folder as the command line does, to the bit', async () => {
    const settings = '--size 16 --batch 8 --epochs 1 --lr 0.02 --threads 1 --model densenet-bc-10-4'.split(
      ' ',
    );
    const { status, stderr } = await densorIn(
      folder,
      'train',
      '--data',
      'folder:data',
      ...settings,
      '--out',
      'cli',
    );
    expect(status, stderr).toBe(0);
    const options = { size: 16, batch: 8, epochs: 1, lr: 0.02, threads: 1 };
    const kinds: string[] = [];
    const run = await train('densenet-bc-10-4', join(folder, 'data'), {
      ...options,
      onEvent: ({ kind }) => kinds.push(kind),
    });
    opened.push(run);
    expect(kinds[0]).toBe('data');
    const theirs = loadCheckpoint(join(folder, 'cli/last.safetensors'));
    expect(bits(run)).toEqual(bitsOfAll(theirs.training.state));
    const { data: _, ...config } = theirs.run.config;
    expect(run.config).toMatchObject(config);
  });

  test('stores a run in a folder if requested, as train does', async () => {
    const out = join(folder, 'kept');
    const run = await own(DATA, { out });
    expect(readFileSync(join(out, 'log.jsonl'), 'utf8')).toMatch(/"kind":"end"/);
    expect(existsSync(join(out, 'curves.svg'))).toBe(true);
    expect(bits(await loadRun(out))).toEqual(bits(run));
    await expect(train(OWN_NETWORK, DATA, { ...FAST, out })).rejects.toThrow(/already holds a run/);
    await expect(run.save(out)).rejects.toThrow(/the folder of a training/);
  });

  test.each([false, true])(
    'that is aborted resolves, and goes on with the very bits (saved: %s)',
    async (isSaved) => {
      const options = { validate: 0.2, ema: 0.9 } as const;
      const whole = await own(DATA, options);
      const stop = new AbortController();
      const onEvent = (event: TrainEvent) => {
        if (event.kind === 'step' && event.globalStep === 5) stop.abort();
      };
      const part = await own(DATA, { ...options, signal: stop.signal, onEvent });
      expect([part.finished, part.trained.checkpoint.run.progress.globalStep]).toEqual([false, 5]);
      if (isSaved) await part.save(join(folder, 'part'));
      const resume = isSaved ? await loadRun(join(folder, 'part')) : part;
      const rest = await train(OWN_NETWORK, DATA, { resume, threads: 1 });
      opened.push(rest);
      expect(rest.finished).toBe(true);
      expect(bits(rest)).toEqual(bits(whole));
      expect(bitsOfAll(rest.bestCheckpoint().state)).toEqual(bitsOfAll(whole.bestCheckpoint().state));
      const wider = {
        ...OWN_NETWORK,
        root: { ...OWN_NETWORK.root, children: OWN_NETWORK.root.children.slice(1) },
      };
      await expect(train(wider, DATA, { resume })).rejects.toThrow(/mine is made otherwise/);
      await expect(train(OWN_NETWORK, colours(30), { resume })).rejects.toThrow(/not those of the run/);
      await expect(train(OWN_NETWORK, DATA, { resume, lr: 0.3 })).rejects.toThrow(/`lr` 0\.3 contradicts/);
    },
  );

  test.each([
    ['at once', (event: TrainEvent) => event.kind === 'step' && fail()],
    ['in a promise', async (event: TrainEvent) => event.kind === 'end' && fail()],
  ])('rejects with what a listener throws %s', async (_, onEvent) => {
    await expect(train(OWN_NETWORK, DATA, { ...FAST, onEvent })).rejects.toThrow('the listener failed');
  });

  test('starts with the weights of another run, with a new head for other classes', async () => {
    const run = await own(DATA);
    await run.save(join(folder, 'first'));
    const four = {
      ...OWN_NETWORK,
      classes: 4,
      root: {
        ...OWN_NETWORK.root,
        children: [
          ...OWN_NETWORK.root.children.slice(0, -1),
          ['6', { kind: 'linear', outFeatures: 4, bias: true }] as const,
        ],
      },
    };
    const labels = Array.from({ length: 36 }, (_, i) => i % 4);
    const next = await own(
      { ...DATA, labels },
      { from: join(folder, 'first'), epochs: 1, freeze: ['body'] },
      four,
    );
    expect(next.trained.checkpoint.state.get('0.weight')).toEqual(
      run.trained.checkpoint.state.get('0.weight'),
    );
    expect(next.config.startedFrom?.file).toBe(join(folder, 'first/last.safetensors'));
    const args = [
      'train',
      '--from',
      'first',
      '--data',
      'folder:data',
      '--epochs',
      '1',
      '--batch',
      '8',
      '--out',
      'next',
    ];
    const { status, stderr } = await densorIn(folder, ...args);
    expect(status, stderr).toBe(0);
    expect(loadCheckpoint(join(folder, 'next/last.safetensors')).run.config.network).toEqual(OWN_NETWORK);
    expect((await densorIn(folder, 'evaluate', 'next')).stdout).toMatch(/^test loss/);
  });

  const bad = (message: RegExp, data: unknown, options: object = {}, network: unknown = OWN_NETWORK) =>
    [message, data, options, network] as const;
  test.each([
    bad(/no option `epochz`: expected some of recipe,/, DATA, { epochz: 3 }),
    bad(/`epochs` is the text "five": expected a whole number from 1/, DATA, { epochs: 'five' }),
    bad(/`augment` is an array of 1: expected some of .*flip/, DATA, { augment: ['blur'] }),
    bad(/`onEvent` is 3: expected a function/, DATA, { onEvent: 3 }),
    bad(/too little memory: this run takes \d+ MiB at least: use a smaller `batch`/, DATA, {
      memoryLimit: 2 ** 20,
    }),
    bad(/`threads` is 0: expected a whole number from 1 to 256/, DATA, { threads: 0 }),
    bad(/nowhere does not exist/, 'nowhere'),
    bad(/the data are undefined: expected the path of a folder/, undefined),
    bad(/`shape` of the images is undefined: expected \[images, height, width\]/, {
      ...DATA,
      shape: undefined,
    }),
    bad(/36×3×12×12, which has the channels before/, { ...DATA, shape: [36, 3, 12, 12] }),
    bad(/are 432 numbers, there are 15,552/, { ...DATA, shape: [1, 12, 12, 3] }),
    bad(/36 images and 35 labels/, { ...DATA, labels: DATA.labels.slice(1) }),
    bad(/label of image 0 is the text "red": expected one of a, b, c/, {
      ...DATA,
      classNames: ['a', 'b', 'c'],
    }),
    bad(/number 0 of the images is -1: expected numbers from 0 to 1/, {
      ...DATA,
      images: new Float32Array(15_552).fill(-1),
    }),
    bad(/image 0 is 3: expected \{ image, label \}/, [3]),
    bad(/there are no images/, []),
    bad(
      /none of the 2 images can be put aside/,
      [0, 1].map((label) => ({ image: colourImage(DATA, label), label: `${label}` })),
      {},
      { ...OWN_NETWORK, classes: 2 },
    ),
    bad(/mine is for 5 classes, the data have 3/, DATA, {}, { ...OWN_NETWORK, classes: 5 }),
    bad(/reads images of 1 channel, the data's have 3/, DATA, {}, { ...OWN_NETWORK, channels: 1 }),
    bad(
      /cannot be described.*root: Unrecognized key: "forward"/,
      DATA,
      {},
      { ...OWN_NETWORK, root: { ...OWN_NETWORK.root, forward: () => 1 } },
    ),
    bad(/cannot be described.*a function/, DATA, {}, () => 1),
    bad(/there is no network "alexnet"/, DATA, {}, 'alexnet'),
    bad(/`resume` is 4: expected a run/, DATA, { resume: 4 }),
  ])('says %s', async (message, data, options, network) => {
    await expect(train(network as never, data as never, { ...FAST, ...options })).rejects.toThrow(message);
  });

  test('accepts image files with numeric labels, as grayscale if all are', async () => {
    const images = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        picture({ colour: i % 2 ? [200, 200, 200] : [30, 30, 30], grey: true, seed: i }),
      ),
    );
    const run = await train(
      'densenet-bc-10-4',
      { images, labels: images.map((_, i) => i % 2) },
      { ...FAST, size: 16 },
    );
    opened.push(run);
    expect([run.channels, run.classNames]).toEqual([1, ['0', '1']]);
  });
});

function fail(): never {
  throw new Error('the listener failed');
}
