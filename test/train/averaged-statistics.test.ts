import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { averagedName, compile, compileGraph } from '../../src/compile.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { Loader } from '../../src/data/loader.ts';
import type { Engine, Session } from '../../src/engine/engine.ts';
import { cifarDensenet } from '../../src/model/cifar-densenet.ts';
import { densenet } from '../../src/model/densenet.ts';
import { trace } from '../../src/model/trace.ts';
import { measureAveragedStatistics } from '../../src/train/averaged-statistics.ts';
import { loadState } from '../../src/train/initial-state.ts';
import { programsFor, statisticsProgram } from '../../src/train/programs.ts';
import { runStep } from '../../src/train/step.ts';
import { ENGINES, REFERENCE } from '../support/engines.ts';
import { numbers } from '../support/module-run.ts';
import { readState } from '../support/read-state.ts';

const SIZE = [18, 18] as const;
const BATCHES = { count: 20, batch: 8 };
const moment = { seed: 3, epoch: 1 };
const random = numbers(5);
const data: Dataset = {
  ...{ name: 'noise', count: BATCHES.count, height: 18, width: 18, channels: 1 },
  pixels: Uint8Array.from({ length: BATCHES.count * 18 * 18 }, () => 128 + 100 * random()),
  labels: Uint8Array.from({ length: BATCHES.count }, (_, i) => i % 4),
  classNames: ['a', 'b', 'c', 'd'],
};
const optimizer = { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0, decayed: 'all' } as const;
const MODELS = {
  'with a stem that is pooled': densenet({ blocks: [1, 1], growthRate: 5, stem: 6, classes: 4 }),
  // Statistics are measured without dropout, so the oracle's network has none.
  'with dropout': cifarDensenet({ depth: 7, growthRate: 4, channels: 1, classes: 4, dropout: 0.3 }),
};
const WITHOUT_DROPOUT = {
  ...MODELS,
  'with dropout': cifarDensenet({ depth: 7, growthRate: 4, channels: 1, classes: 4 }),
};
type ModelName = keyof typeof MODELS;

const loaderOf = () => new Loader(data, { size: SIZE, batch: BATCHES.batch, augment: ['flip'] });
const target = (session: Session, { network }: ReturnType<typeof compile>, microBatch?: number) => ({
  session,
  network,
  microBatch,
});

/** A network ready to train, as every engine compiles it. */
async function opened(engine: Engine, name: ModelName, precision: 'f32' | 'bf16', microBatch?: number) {
  const programs = {
    ...programsFor('train', { ...BATCHES, microBatch }),
    ...statisticsProgram({ ...BATCHES, microBatch }, {}),
  };
  const compiled = compile(MODELS[name], SIZE, programs, {
    precision,
    target: engine.target,
    update: { optimizer, averageDecay: 0.5 },
  });
  const session = await engine.open(compiled.network);
  return { compiled, session };
}

/** The state after some steps, whose averages differ from its weights. */
const trained = once(async (name: ModelName): Promise<ReadonlyMap<string, Float32Array>> => {
  const engine = await REFERENCE.open();
  const { compiled, session } = await opened(engine, name, 'f32');
  loadState(session, compiled, 0);
  const loader = loaderOf();
  for (let step = 1; step <= 3; step++) {
    const batch = loader.batch(loader.order(moment), step % 2, moment);
    await runStep(target(session, compiled), batch, { learningRate: 0.3, step, stepSeed: step });
  }
  const names = [...compiled.network.state.keys()];
  return new Map(
    await Promise.all(
      names.map(async (each) => [each, Float32Array.from(await session.read(each))] as const),
    ),
  );
});

/**
 * The oracle in float64: the running statistics after training steps with rate 0 of a network whose weights are
 * the averages.
 */
const oracle = once(async (name: ModelName, images: number): Promise<Session> => {
  const engine = await REFERENCE.open();
  const compiled = compile(WITHOUT_DROPOUT[name], SIZE, { train: { batch: images, mode: 'train' } });
  // At a rate of 0 gradients change nothing.
  const { graph } = trace(WITHOUT_DROPOUT[name], images, SIZE, 'train');
  const programs = new Map([['train', compileGraph(graph, compiled.network.layout)]]);
  const session = await engine.open({ ...compiled.network, programs });
  const state = await trained(name);
  for (const [each, average] of state) {
    const of = averagedName(each);
    if (of !== undefined) session.write(of, /running_(mean|var)$/.test(of) ? state.get(of)! : average);
  }
  const loader = loaderOf();
  const order = loader.order(moment);
  for (let i = 0; i < 50; i++) {
    const { images: all, labels, size } = loader.batch(order, i % 2, moment);
    const floats = new Float32Array(all.length);
    if (!('copyTo' in all)) throw new Error('a loader gives bytes');
    all.copyTo(floats, 0);
    const part = floats.subarray(0, (floats.length / size) * images);
    await session.run('train', { images: part, labels: labels.subarray(0, images) }, { learningRate: 0 });
  }
  return session;
});

/** Every engine is held to the same: computed once for each choice of arguments. */
function once<A extends readonly unknown[], R>(compute: (...args: A) => Promise<R>) {
  const results = new Map<string, Promise<R>>();
  return (...args: A): Promise<R> => {
    const key = JSON.stringify(args);
    const result = results.get(key) ?? compute(...args);
    results.set(key, result);
    return result;
  };
}

describe.each([REFERENCE, ...ENGINES])(
  'running statistics of averaged weights on $name',
  ({ name, open }) => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await open(2);
    });
    afterAll(() => engine.close());

    const cases: readonly (readonly [ModelName, 'f32' | 'bf16', number | undefined])[] = [
      ['with a stem that is pooled', 'f32', undefined],
      ['with a stem that is pooled', 'bf16', undefined],
      ['with dropout', 'f32', undefined],
      ['with dropout', 'f32', 3],
    ];
    test.each(cases)(
      '%s, %s, micro-batches %s, are those that the averages have',
      async (model, precision, microBatch) => {
        const { compiled, session } = await opened(engine, model, precision, microBatch);
        for (const [each, numbers] of await trained(model)) session.write(each, numbers);
        const loader = loaderOf();
        const { state } = compiled.network;
        const averages = [...state.keys()].filter((each) => averagedName(each) !== undefined);
        const before = await readState(session, state.keys());
        await measureAveragedStatistics(target(session, compiled, microBatch), loader, moment);
        const expected = await oracle(model, microBatch === undefined ? 8 : 2);
        // The average of the running statistics differs from these by far more than rounding.
        let moved = 0;
        // For float32 sums; about five consecutive bfloat16 maps have a relative error of at most 2⁻⁸ each.
        const tolerance = precision === 'bf16' && name !== 'reference' ? 5 * 2 ** -8 : 1e-4;
        for (const each of state.keys()) {
          const of = averagedName(each);
          if (of === undefined || !/running_(mean|var)$/.test(of)) {
            expect(await session.read(each), each).toEqual(before.get(each));
            continue;
          }
          const [is, right, was] = [await session.read(each), await expected.read(of), before.get(each)!];
          const scale = Math.max(...right.map(Math.abs));
          right.forEach((number, i) => {
            expect(Math.abs(is[i]! - number) / scale, `${each} ${i}`).toBeLessThan(tolerance);
            moved = Math.max(moved, Math.abs(was[i]! - number) / scale);
          });
        }
        expect(moved).toBeGreaterThan(10 * tolerance);

        const once = await readState(session, averages);
        await measureAveragedStatistics(target(session, compiled, microBatch), loader, moment);
        expect(await readState(session, averages)).toEqual(once);
      },
    );
  },
);
