import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import type { Engine, Session } from '../../src/engine/engine.ts';
import { modelByName } from '../../src/model/zoo.ts';
import { plannedPeakBytes } from '../../src/plan/plan.ts';
import { kernelRecords } from '../../src/target/cpu/records.ts';
import { ENGINES } from '../support/engines.ts';
import { numbers } from '../support/module-run.ts';
import { bottleneckNet, randomState } from '../support/onnx.ts';

const SIZE = [33, 33] as const;
const model = bottleneckNet();
const averaging = {
  update: {
    optimizer: { kind: 'sgd', momentum: 0, nesterov: false, weightDecay: 0, decayed: 'all' },
    averageDecay: 0.5,
  },
} as const;
const programs = {
  train: { batch: 2, mode: 'train' },
  one: { batch: 1, mode: 'evaluate' },
  two: { batch: 2, mode: 'evaluate' },
} as const;
const { network } = compile(model, SIZE, programs);
const networkFor = ({ target }: Engine) => compile(model, SIZE, programs, { target }).network;
const halfFor = ({ target }: Engine) => compile(model, SIZE, programs, { precision: 'bf16', target }).network;
/** Number of consecutive roundings of feature maps from the images to the logits. */
const STORED_MAPS = 12;
const random = numbers(77);
const images = Float32Array.from({ length: 2 * 33 * 33 * model.channels }, random);
const first = images.subarray(0, images.length / 2);

/** Logits of the first image from the programs for one image and for two. */
async function logits(session: Session): Promise<readonly number[][]> {
  const ofOne = await session.run('one', { images: first, labels: new Int32Array(1) });
  const ofTwo = await session.run('two', { images, labels: new Int32Array(2) });
  const one = Array.from(ofOne.get('logits')!);
  return [one, Array.from(ofTwo.get('logits')!).slice(0, one.length)];
}

const train = (session: Session) =>
  session.run('train', { images, labels: Int32Array.of(0, 1) }, { learningRate: 0.5 });

async function copyState(from: Session, to: Session): Promise<void> {
  for (const name of network.state.keys()) to.write(name, await from.read(name));
}

describe.each(ENGINES)('inference on $name', ({ open }) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await open(2);
  });
  afterAll(() => engine.close());

  async function start(seed = 1, of = networkFor(engine)): Promise<Session> {
    const session = await engine.open(of);
    for (const [name, tensor] of randomState(model, SIZE, seed)) session.write(name, tensor);
    return session;
  }

  test('uses the weights that were written last, in every program', async () => {
    const [used, other] = [await start(1), await start(2)];
    const before = await logits(used);
    await copyState(other, used);
    const after = await logits(used);
    expect(after).toEqual(await logits(other));
    expect(after).not.toEqual(before);
    // Writes only a running variance, on which only the folded weights and coefficients depend.
    const [name] = [...network.state.keys()].filter((each) => each.endsWith('running_var')).slice(-1);
    used.write(
      name!,
      (await used.read(name!)).map((v) => 2 * v),
    );
    expect(await logits(used)).not.toEqual(after);
  });

  test('copies its inputs before it prepares weights: they may be overwritten immediately', async () => {
    const session = await start();
    const mine = images.slice();
    const running = session.run('two', { images: mine, labels: new Int32Array(2) });
    mine.fill(0);
    const outputs = await running;
    const [, two] = await logits(await start());
    expect(Array.from(outputs.get('logits')!).slice(0, two!.length)).toEqual(two);
  });

  test('gives nearly the same results in bfloat16, and the same for one image and two', async () => {
    const [[exact], [one, two]] = [
      await logits(await start()),
      await logits(await start(1, halfFor(engine))),
    ];
    const size = Math.max(...exact!.map(Math.abs));
    const off = Math.max(...exact!.map((logit, i) => Math.abs(logit - one![i]!)));
    expect(off).toBeGreaterThan(0);
    expect(off).toBeLessThan(STORED_MAPS * 2 ** -9 * size);
    expect(Math.max(...one!.map((logit, i) => Math.abs(logit - two![i]!)))).toBeLessThan(1e-2 * size);
  });

  test('uses the weights after each training step', async () => {
    const trained = await start();
    for (let step = 0; step < 2; step++) {
      await logits(trained);
      await train(trained);
      const fresh = await start(3);
      await copyState(trained, fresh);
      expect(await logits(trained)).toEqual(await logits(fresh));
    }
  });

  test('uses the current moving averages', async () => {
    const compiled = compile(model, SIZE, programs, { ...averaging, target: engine.target });
    const session = await engine.open(compiled.network);
    for (const [name, tensor] of randomState(model, SIZE, 5)) {
      session.write(name, tensor);
      session.write(`optimizer.average.${name}`, tensor);
    }
    await logits(session);
    await train(session);
    const after = await logits(session);
    const plain = await engine.open(networkFor(engine));
    for (const name of network.state.keys()) {
      plain.write(name, await session.read(`optimizer.average.${name}`));
    }
    expect(after).toEqual(await logits(plain));
  });
});

test.each(ENGINES)(
  'the bits of $name do not depend on the number of threads, one image or two',
  async ({ open }) => {
    const answers: (readonly number[][])[] = [];
    for (const threads of [1, 2, 3]) {
      const engine = await open(threads);
      const found: number[][] = [];
      for (const each of [networkFor(engine), halfFor(engine)]) {
        const session = await engine.open(each);
        for (const [name, tensor] of randomState(model, SIZE, 4)) session.write(name, tensor);
        found.push(...(await logits(session)));
      }
      answers.push(found);
      await engine.close();
    }
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  },
);

describe('the plan of inference', () => {
  const densenet121 = modelByName('densenet121');
  const plan = (mode: 'train' | 'evaluate', batch: number) =>
    compile(densenet121, [64, 64], { it: { batch, mode } }).network.programs.get('it')!.plan;
  const one = plan('evaluate', 1);
  const kinds = (records: readonly { readonly record: { readonly kind: string } }[]) =>
    new Set(records.map(({ record }) => record.kind));

  test('prepares values from the state once, not in each run', () => {
    expect([...kinds(one.prepare)].sort()).toEqual(['coefficients', 'packWeights', 'winogradWeights']);
    expect(kinds(one.records)).not.toContain('packWeights');
    expect(kinds(one.records)).not.toContain('coefficients');
  });

  test('leaves no batch norm between the two convolutions of a bottleneck, and none after the stem', () => {
    const wide = kernelRecords(one.records).flatMap(({ record }) =>
      record.kind === 'conv2d' || record.kind === 'winograd' ? [record] : [],
    );
    expect(wide).toHaveLength(58);
    for (const { prologue } of wide) expect(prologue).toMatchObject({ scale: undefined, relu: 0 });
    const [stem] = one.records;
    expect(stem!.record).toMatchObject({ kind: 'conv2dMaxPool', relu: 1, index: undefined });
    expect([...kinds(one.records)]).not.toContain('maxPool');
    expect([...kinds(one.records)]).not.toContain('elementwise');
  });

  test('divides a single image over threads', () => {
    for (const { op, record } of kernelRecords(one.records)) {
      const { label: layer } = op.layer;
      if (record.kind === 'winograd' && record.in.height > 12)
        expect(record.chunks, layer).toBeGreaterThan(1);
      if (record.kind === 'conv2d' && record.out.height > 1) expect(record.chunks, layer).toBeGreaterThan(1);
      if (record.kind === 'pointwise') expect(record.chunks, layer).toBeGreaterThan(3);
    }
  });

  test('needs less memory than training, and prepared values only once for all batch sizes', () => {
    const many = plan('evaluate', 32);
    const train = plan('train', 32);
    expect(many.transientBytes).toBeLessThan(0.2 * train.transientBytes);
    expect(plannedPeakBytes([many], 2)).toBeLessThan(0.6 * plannedPeakBytes([train], 2));
    expect(plannedPeakBytes([one, many], 2)).toBe(plannedPeakBytes([many], 2));
  });
});
