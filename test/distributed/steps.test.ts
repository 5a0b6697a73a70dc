import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile, isOptimizerState, type ProgramRequest, type TrainingOptions } from '../../src/compile.ts';
import type { Group, RankNumbers } from '../../src/distributed/group.ts';
import { add, inProcessGroups, treeSum } from '../../src/distributed/in-process.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { densenet } from '../../src/model/densenet.ts';
import type { Model } from '../../src/model/module.ts';
import { resnet } from '../../src/model/resnet.ts';
import { modelByName } from '../../src/model/zoo.ts';
import { ranksFor } from '../../src/plan/batch-tree.ts';
import type { Target } from '../../src/plan/target.ts';
import type { Precision } from '../../src/tensor/precision.ts';
import { ENGINES, REFERENCE } from '../support/engines.ts';
import { numbers, shareOf } from '../support/module-run.ts';
import { networkCase } from '../support/network-run.ts';

const SGD: TrainingOptions = {
  update: {
    optimizer: { kind: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 1e-3, decayed: 'weights' },
    clipNorm: 1,
  },
};
const ADAMW: TrainingOptions = {
  labelSmoothing: 0.1,
  update: {
    optimizer: {
      ...{ kind: 'adamw', beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.01, decayed: 'weights' },
    },
    averageDecay: 0.9,
  },
};
const BATCHES = [32, 32];

interface Case {
  readonly name: string;
  readonly model: string | Model;
  readonly size: number;
  /** Batch sizes of the steps. */
  readonly batches?: readonly number[];
  readonly options?: TrainingOptions;
  readonly precision?: Precision;
  readonly request?: Partial<ProgramRequest>;
  /** Number of micro-batches of a step. */
  readonly parts?: number;
}

const TINY = 'densenet-bc-10-4';
/** Small ones of the notes' kind and of ResNet-18's. */
const STEM = densenet({ blocks: [2, 1], growthRate: 8, stem: 16 });
const RESIDUAL = resnet({ stages: [16, 24], residuals: 1 });

const bothPrecisions = (model: string): readonly Case[] => [
  { name: model, model, size: 32 },
  { name: `${model}, bf16`, model, size: 32, precision: 'bf16' },
];
/** `npm run test:ranks` tests all networks, precisions and ranks, which takes minutes. */
const IS_ALL = process.env.DENSOR_RANKS === 'all';
const NETWORKS: readonly Case[] = IS_ALL
  ? ['notes', 'notes-max-pool', 'densenet-fashion'].flatMap(bothPrecisions)
  : [
      { name: 'a dense network with a stem', model: STEM, size: 32 },
      { name: 'a residual network', model: RESIDUAL, size: 16 },
      ...bothPrecisions(TINY),
    ];
/** Sixteen ranks of these need gigabytes: only on native engines, which release memory immediately. */
const LARGE = IS_ALL ? ['densenet121', 'resnet18', 'densenet-bc-100-12'].flatMap(bothPrecisions) : [];

const SETTINGS: readonly Case[] = [
  { name: 'a short last batch of 96, and one of 16', model: TINY, size: 16, batches: [128, 96, 16] },
  { name: 'tails that ranks cannot share: 13, 6 and 1', model: TINY, size: 16, batches: [16, 13, 6, 1] },
  { name: 'AdamW, averages, smoothed labels', model: TINY, size: 16, options: ADAMW },
  { name: 'dropout', model: modelByName(TINY, { dropout: 0.2 }), size: 16 },
  {
    name: 'frozen layers',
    model: TINY,
    size: 16,
    request: { frozen: ['features.conv0', 'features.denseblock1'] },
  },
  { name: 'parts of a step', model: TINY, size: 16, batches: [96, 96], parts: 3 },
  { name: 'parts of a step, bf16', model: TINY, size: 16, batches: [96, 96], parts: 3, precision: 'bf16' },
];

/** The state of every rank after some steps. @param combine how sums over ranks are computed. */
async function train(
  engines: readonly Engine[],
  each: Case,
  ranks: number,
  combine = treeSum,
): Promise<readonly string[]> {
  const compiled = compileFor(each, ranks, engines[0]!.target);
  const groups = inProcessGroups(ranks, combine);
  return Promise.all(groups.map((group) => trainRank(engines[group.rank]!, each, compiled, group)));
}

/** Compiles the programs, which are the same for all ranks. */
function compileFor(each: Case, size: number, target: Target) {
  const { batches = BATCHES, options = SGD, precision, request = {}, parts = 1 } = each;
  const model = typeof each.model === 'string' ? modelByName(each.model) : each.model;
  const requests = new Map<string, ProgramRequest>();
  for (const images of batches) {
    for (let part = 0; part < parts; part++) {
      const batch = images / parts;
      const ofPart = { of: images, accumulate: part > 0, update: part === parts - 1 };
      requests.set(`${images} ${part}`, {
        ...{ mode: 'train', batch, ranks: ranksFor(batch, size), ...request },
        ...(parts > 1 && { part: ofPart }),
      });
    }
  }
  const evaluate = { batch: 8, mode: 'evaluate' } as const;
  const programs = { ...Object.fromEntries(requests), evaluate };
  const { network } = compile(model, [each.size, each.size], programs, { ...options, precision, target });
  return { model, requests, network };
}

async function trainRank(
  engine: Engine,
  { size, batches = BATCHES, parts = 1 }: Case,
  { model, requests, network }: ReturnType<typeof compileFor>,
  group: Group,
): Promise<string> {
  const session = await engine.open(network, group);
  for (const [name, data] of networkCase(network, 5).state)
    if (!isOptimizerState(name)) session.write(name, data);
  const results: RankNumbers[] = [];
  for (const [step, images] of batches.entries()) {
    const batch = batchOf(model, images, size, step);
    for (let part = 0; part < parts; part++) {
      const { batch: count, ranks = 1 } = requests.get(`${images} ${part}`)!;
      const share = ranks === 1 ? { rank: 0, size: 1 } : group;
      const ofPart = <T extends Float32Array | Int32Array>(all: T) => {
        const one = all.length / images;
        return shareOf(all.subarray(part * count * one, (part + 1) * count * one) as T, share as Group);
      };
      const inputs = { images: ofPart(batch.images), labels: ofPart(batch.labels) };
      const scalars = { learningRate: 0.05, step: step + 1, stepSeed: 9 + step, firstImage: part * count };
      const outputs = await session.run(`${images} ${part}`, inputs, scalars);
      results.push(outputs.get('loss')!, outputs.get('correct')!);
    }
  }
  results.push(...(await session.run('evaluate', batchOf(model, 8, size, 99))).values());
  for (const name of network.state.keys()) results.push(await session.read(name));
  await session.close();
  return Promise.all(results.map(hash)).then((hashes) => hashes.join(' '));
}

async function hash(numbers: RankNumbers): Promise<string> {
  const bytes = new Uint8Array(numbers.buffer as ArrayBuffer, numbers.byteOffset, numbers.byteLength);
  return Buffer.from(await crypto.subtle.digest('SHA-1', bytes)).toString('base64');
}

function batchOf(model: Model, count: number, size: number, seed: number) {
  const random = numbers(seed);
  const images = new Float32Array(count * size ** 2 * model.channels).map(() => 2 * random() - 0.8);
  return { images, labels: Int32Array.from({ length: count }, (_, i) => (5 * i + seed) % 10) };
}

async function expectSame(engines: readonly Engine[], each: Case, counts: readonly number[]): Promise<void> {
  const [alone] = await train(engines, each, 1);
  for (const ranks of counts)
    for (const state of await train(engines, each, ranks)) expect(state, `${ranks} ranks`).toBe(alone);
}

/** The sum of a ring all-reduce: each part of the array starts at a different rank. */
function ringSum(parts: readonly RankNumbers[]): RankNumbers {
  const { length } = parts[0]!;
  const sum = parts[0]!.slice();
  for (const [k] of parts.entries()) {
    const [first, end] = [
      Math.floor((length * k) / parts.length),
      Math.floor((length * (k + 1)) / parts.length),
    ];
    const turned = [...parts.slice(k), ...parts.slice(0, k)].map((part) => part.subarray(first, end));
    sum.set(turned.reduce(add), first);
  }
  return sum;
}

const MOST = 16;
const FAST = ENGINES.filter(({ name }) => /relaxed|native (avx|neon|amx)/.test(name));

describe.each(FAST)('steps on $name give the same bits', ({ name, open }) => {
  let engines: Engine[];
  beforeAll(async () => {
    engines = await Promise.all(Array.from({ length: MOST }, () => open(1)));
  }, 60_000);
  afterAll(() => Promise.all(engines.map((engine) => engine.close())));

  test.each([...NETWORKS, ...SETTINGS])('on 1, 2, 4, 8 and 16 ranks: $name', (each) =>
    expectSame(engines, each, [2, 4, 8, 16]),
  );

  test.skipIf(name.startsWith('wasm')).each(LARGE)('on several ranks: $name', (each) =>
    expectSame(engines, { ...each, batches: [16] }, [2, 4, 8, 16]),
  );

  test('with any threads of each rank', async () => {
    const [each] = NETWORKS as [Case];
    const threaded = await Promise.all([3, 2].map((threads) => open(threads)));
    const [alone] = await train(engines, each, 1);
    expect(await train(threaded, each, 1)).toEqual([alone]);
    expect(await train(threaded, each, 2)).toEqual([alone, alone]);
    await Promise.all(threaded.map((engine) => engine.close()));
  });

  test('and other bits if ranks add in another order than the tree', async () => {
    const [each] = NETWORKS as [Case];
    const [alone] = await train(engines, each, 1);
    const [ring, ...others] = await train(engines, each, 4, ringSum);
    expect(others).toEqual([ring, ring, ring]);
    expect(ring).not.toBe(alone);
  });
});

describe('the reference engine', () => {
  test.each(SETTINGS.filter(({ precision }) => precision !== 'bf16'))(
    'has them too: $name',
    async (settings) => {
      const each = { ...settings, size: 8 };
      const engines = await Promise.all(Array.from({ length: 4 }, () => REFERENCE.open()));
      const [alone] = await train(engines, each, 1);
      for (const ranks of [2, 4])
        expect(new Set(await train(engines, each, ranks))).toEqual(new Set([alone]));
    },
  );
});

test('ranks that call different operations get an error, and none hangs', async () => {
  const [first, second] = inProcessGroups(2) as [Group, Group];
  const waiting = expect(first.gather(new Float32Array(3))).rejects.toThrow('rank 1 is at treeSum');
  await expect(second.treeSum(new Float32Array(3))).rejects.toThrow(
    'rank 1 is at treeSum of 3 numbers, rank 0 at gather of 3 numbers',
  );
  await waiting;
  await expect(first.barrier()).rejects.toThrow('rank 1 is at treeSum');
});

test('a program for other ranks than the group has is refused', async () => {
  const engine = await REFERENCE.open();
  const model = modelByName(TINY);
  const { network } = compile(model, [16, 16], { train: { batch: 16, mode: 'train', ranks: 4 } });
  await expect(engine.open(network, inProcessGroups(2)[0])).rejects.toThrow(
    'program train is compiled for 4 ranks, the group has 2',
  );
  for (const [batch, ranks] of [
    [18, 4],
    [4, 8],
  ] as const)
    expect(() => compile(model, [16, 16], { train: { batch, mode: 'train', ranks } })).toThrow(
      `which ${ranks} ranks cannot share equally`,
    );
  expect(() => compile(model, [16, 16], { train: { batch: 16, mode: 'train' } }, { leaves: 12 })).toThrow(
    '12 leaves: expected a power of two up to 64',
  );
});
