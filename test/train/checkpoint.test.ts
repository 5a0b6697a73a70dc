import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeSafetensors, SafetensorsError } from '../../src/io/safetensors.ts';
import type { StateTensor } from '../../src/plan/compiled-network.ts';
import { loadCheckpoint, saveCheckpoint } from '../../src/run/checkpoint-file.ts';
import {
  CheckpointError,
  FORMAT,
  NUMERICS,
  type RunState,
  readerOf,
  requireFits,
} from '../../src/train/checkpoint.ts';
import { runConfigSchema } from '../../src/train/config.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run: RunState = {
  format: FORMAT,
  numerics: NUMERICS,
  config: runConfigSchema.parse({
    recipe: 'notes',
    model: 'notes',
    data: 'sample',
    classes: 10,
    size: 96,
    batch: 256,
    epochs: 10,
    lr: 0.1,
    seed: 0,
    precision: 'f32',
  }),
  engine: 'wasm',
  isa: 'simd128',
  progress: {
    epoch: 1,
    step: 3,
    globalStep: 7,
    sums: { loss: 1.5, correct: 9, count: 20 },
    trainedExamples: 70,
    trainMs: 12.5,
  },
  history: [{ epoch: 0.5, trainLoss: 2, trainAccuracy: 0.3 }],
};
const network: ReadonlyMap<string, StateTensor> = new Map([
  ['a.weight', { role: 'parameter', shape: [2, 3] }],
  ['a.running_mean', { role: 'buffer', shape: [3] }],
] as const);
const state = new Map([
  ['a.weight', Float32Array.of(1, 2, 3, 4, 5, 6)],
  ['a.running_mean', Float32Array.of(7, 8, 9)],
]);
const path = () => join(folder, 'last.safetensors');

describe('a checkpoint', () => {
  test('comes back as it was saved', async () => {
    await saveCheckpoint(path(), { run, state: readerOf(state) }, network);
    const loaded = loadCheckpoint(path());
    expect(loaded.run).toEqual(run);
    expect(loaded.state).toEqual(state);
    requireFits(path(), loaded, network);
  });

  test('reads one tensor at a time, and one that cannot be read leaves the old file', async () => {
    await saveCheckpoint(path(), { run, state: readerOf(state) }, network);
    const calls: string[] = [];
    const slowly = (failing?: string) => ({
      read: async (name: string) => {
        calls.push(`asked for ${name}`);
        await new Promise((resolve) => setImmediate(resolve));
        if (name === failing) throw new Error(`lost ${name}`);
        calls.push(`got ${name}`);
        return state.get(name)!.map((number) => -number);
      },
    });
    const failed = saveCheckpoint(path(), { run, state: slowly('a.running_mean') }, network);
    await expect(failed).rejects.toThrow('lost a.running_mean');
    expect(loadCheckpoint(path()).state).toEqual(state);
    expect(readdirSync(folder)).toEqual(['last.safetensors']);

    calls.length = 0;
    await saveCheckpoint(path(), { run, state: slowly() }, network);
    expect(calls.slice(2)).toEqual([
      'asked for a.weight',
      'got a.weight',
      'asked for a.running_mean',
      'got a.running_mean',
    ]);
    expect(loadCheckpoint(path()).state.get('a.running_mean')).toEqual(Float32Array.of(-7, -8, -9));
  });

  test.each([
    ["d2l's ResNet-18 of the time when that was `resnet18`", '0.0.weight', 'resnet18-d2l'],
    ["torchvision's ResNet-18", 'conv1.weight', 'resnet18'],
  ])('of %s is of the network whose tensors it has', async (_, tensor, model) => {
    const shapes = new Map([[tensor, { role: 'parameter', shape: [2] }]] as const);
    const config = { ...run.config, model: 'resnet18' };
    const numbers = readerOf(new Map([[tensor, Float32Array.of(1, 2)]]));
    await saveCheckpoint(path(), { run: { ...run, config }, state: numbers }, shapes);
    expect(loadCheckpoint(path()).run.config).toEqual({ ...config, model });
  });

  test('from before optimizers had options loads as plain SGD', async () => {
    const { recipe, model, data, classes, size, batch, epochs, lr, seed, precision } = run.config;
    const config = { recipe, model, data, classes, size, batch, epochs, lr, seed, precision };
    await saveCheckpoint(
      path(),
      { run: { ...run, config: config as RunState['config'] }, state: readerOf(state) },
      network,
    );
    const loaded = loadCheckpoint(path());
    expect(loaded.run.config).toEqual(run.config);
    expect(loaded.run.config).toMatchObject({ optimizer: 'sgd', momentum: 0, schedule: 'constant' });
    requireFits(path(), loaded.training, network);
  });

  test('is used with the averages, and resumed with the full state', async () => {
    const more = new Map([
      ['optimizer.velocity.a.weight', Float32Array.of(0, 0, 0, 0, 0, 1)],
      ['optimizer.average.a.weight', Float32Array.of(9, 8, 7, 6, 5, 4)],
      ['optimizer.average.a.running_mean', Float32Array.of(3, 2, 1)],
    ]);
    const shapes = new Map(network);
    for (const [name, { length }] of more) shapes.set(name, { role: 'optimizer', shape: [length] });
    const all = new Map([...state, ...more]);
    await saveCheckpoint(path(), { run, state: readerOf(all) }, shapes);
    const loaded = loadCheckpoint(path());
    requireFits(path(), loaded, network);
    requireFits(path(), loaded.training, shapes);
    expect(() => requireFits(path(), loaded.training, network)).toThrow(/velocity.* not part of the model/);
    expect(loaded.training.state).toEqual(all);
    expect([...loaded.state.values()]).toEqual([Float32Array.of(9, 8, 7, 6, 5, 4), Float32Array.of(3, 2, 1)]);
  });

  test('identifies its data, if known', async () => {
    const config = { ...run.config, dataSha256: 'a5'.repeat(32) };
    await saveCheckpoint(path(), { run: { ...run, config }, state: readerOf(state) }, network);
    expect(loadCheckpoint(path()).run.config.dataSha256).toBe(config.dataSha256);
    await saveCheckpoint(
      path(),
      { run: { ...run, config: { ...config, dataSha256: 'a5' } }, state: readerOf(state) },
      network,
    );
    expect(() => loadCheckpoint(path())).toThrow(/metadata config.dataSha256/);
  });

  test('that is missing, truncated or from another program is refused', async () => {
    expect(() => loadCheckpoint(path())).toThrow(/does not exist/);
    await saveCheckpoint(path(), { run, state: readerOf(state) }, network);
    const whole = readFileSync(path());
    for (const length of [0, 7, 100, whole.length - 1]) {
      writeFileSync(path(), whole.subarray(0, length));
      expect(() => loadCheckpoint(path())).toThrow(SafetensorsError);
    }
    writeFileSync(path(), Buffer.concat([Buffer.from('0200000000000000', 'hex'), Buffer.from('{}')]));
    expect(() => loadCheckpoint(path())).toThrow(/metadata 'densor' is missing/);
  });

  test('of a newer format is refused by its number, whatever else it contains', async () => {
    const newer = { ...run, format: FORMAT + 1, optimiser: 'of the future' } as RunState;
    await saveCheckpoint(path(), { run: newer, state: readerOf(state) }, network);
    expect(() => loadCheckpoint(path())).toThrow(CheckpointError);
    expect(() => loadCheckpoint(path())).toThrow(
      /a checkpoint of format 3, which a newer version .* up to 2/,
    );
  });

  test('whose metadata make no sense is refused by the field', async () => {
    const broken = { ...run, config: { ...run.config, batch: -3 } };
    await saveCheckpoint(path(), { run: broken, state: readerOf(state) }, network);
    expect(() => loadCheckpoint(path())).toThrow(/metadata config.batch/);
  });

  test.each([
    ['classes', 1e9],
    ['size', 1e9],
    ['batch', 1e9],
    ['epochs', 1e15],
  ])('that asks for %s of %d is refused', async (name, value) => {
    const greedy = { ...run, config: { ...run.config, [name]: value } };
    await saveCheckpoint(path(), { run: greedy, state: readerOf(state) }, network);
    expect(() => loadCheckpoint(path())).toThrow(new RegExp(`metadata config\\.${name}: Too big`));
  });

  test.each([
    ['brackets in brackets', '['.repeat(1e6), /metadata 'densor' nests deeper than 8/],
    ['values without end', `{"history":[${'{},'.repeat(2e6)}{}]}`, /holds more than 1048576 values/],
    ['half an object', '{"format":', /metadata 'densor' is not valid JSON/],
  ])('whose metadata are %s is refused', (_, text, message) => {
    writeFileSync(
      path(),
      Buffer.concat(encodeSafetensors({ metadata: new Map([['densor', text]]), tensors: new Map() })),
    );
    expect(() => loadCheckpoint(path())).toThrow(CheckpointError);
    expect(() => loadCheckpoint(path())).toThrow(message);
  });

  test.each([
    ['a missing tensor', new Map([...state].slice(1)), network, /a.weight is missing/],
    ['a tensor too many', state, new Map([...network].slice(1)), /a.weight is not part of the model/],
    [
      'a tensor of another shape',
      state,
      new Map([...network, ['a.weight', { role: 'parameter' as const, shape: [3, 2] }]]),
      /is 2×3, the model expects 3×2/,
    ],
    [
      'numbers that are not finite',
      new Map([...state, ['a.weight', new Float32Array(6).fill(Number.NaN)]]),
      network,
      /not finite/,
    ],
  ])('with %s does not fit', async (_, numbers, wanted, message) => {
    const saved = new Map([...network].filter(([name]) => numbers.has(name)));
    await saveCheckpoint(path(), { run, state: readerOf(numbers) }, saved);
    const loaded = loadCheckpoint(path());
    expect(() => requireFits(path(), loaded, wanted)).toThrow(CheckpointError);
    expect(() => requireFits(path(), loaded, wanted)).toThrow(message);
  });
});
