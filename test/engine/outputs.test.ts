import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { type Engine, EngineError, type Session } from '../../src/engine/engine.ts';
import { PLAIN_SGD } from '../../src/graph/optimizer.ts';
import { densenet } from '../../src/model/densenet.ts';
import { loadState } from '../../src/train/initial-state.ts';
import { ENGINES, REFERENCE } from '../support/engines.ts';
import { numbers } from '../support/module-run.ts';

// Outputs are the results of a run, independent of later runs of the session.

const SIDE = 16;
const compiled = compile(
  densenet({ blocks: [1, 2], growthRate: 5, stem: 6, classes: 4 }),
  [SIDE, SIDE],
  {
    train: { batch: 4, mode: 'train' },
    evaluate: { batch: 3, mode: 'evaluate', outputs: ['features', 'block 1'] },
  },
  { update: { ...PLAIN_SGD, clipNorm: 1 } },
);
const random = numbers(5);
const images = Float32Array.from({ length: 4 * SIDE ** 2 }, random);
const labels = Int32Array.of(0, 1, 2, 3);

async function start(engine: Engine): Promise<Session> {
  const session = await engine.open(compiled.network);
  loadState(session, compiled, 1);
  return session;
}
const train = (session: Session) => session.run('train', { images, labels }, { learningRate: 0.1 });
const evaluate = (session: Session) =>
  session.run('evaluate', {
    images: images.subarray(0, 3 * SIDE ** 2),
    labels: labels.subarray(0, 3),
  });
const copyOf = (outputs: ReadonlyMap<string, Float32Array | Float64Array>) =>
  new Map([...outputs].map(([name, data]) => [name, data.slice()]));

describe.each([REFERENCE, ...ENGINES])('the outputs of a run on $name', ({ open }) => {
  test('are all outputs of its program except state', async () => {
    const engine = await open();
    const session = await start(engine);
    const [trained, evaluated] = [await train(session), await evaluate(session)];
    const lengths = (of: typeof trained) =>
      Object.fromEntries([...of].map(([name, { length }]) => [name, length]));
    expect(lengths(trained)).toEqual({ logits: 16, loss: 1, correct: 1, gradientNorm: 1 });
    expect(lengths(evaluated)).toMatchObject({ logits: 12, loss: 1, correct: 1 });
    expect([...evaluated.keys()].sort()).toEqual(['block 1', 'correct', 'features', 'logits', 'loss']);
    expect((await session.read('grad.0.0.weight')).some((each) => each !== 0)).toBe(true);
    await engine.close();
  });

  test('are not changed by another program of the session, or another session', async () => {
    const engine = await open();
    const [session, other] = [await start(engine), await start(engine)];
    const first = await train(session);
    const before = copyOf(first);
    const second = await evaluate(session);
    const [again, ofOther] = [await train(session), await train(other)];
    expect(first).toEqual(before);
    expect(ofOther).toEqual(before);
    expect(again.get('loss')).not.toEqual(first.get('loss'));
    expect(second.get('logits')!.length).toBe(12);
    await engine.close();
  });

  test("are the caller's: what is written there changes nothing", async () => {
    const engine = await open();
    const session = await start(engine);
    const outputs = await evaluate(session);
    const before = copyOf(outputs);
    for (const data of outputs.values()) data.fill(7);
    expect(await evaluate(session)).toEqual(before);
    await engine.close();
  });

  test('of a program that is not there, like a tensor that is not, are refused by a rejection', async () => {
    const engine = await open();
    const session = await start(engine);
    await expect(session.read('loss')).rejects.toThrow(EngineError);
    await expect(session.run('test', { images, labels })).rejects.toThrow(/no program called test/);
    await engine.close();
  });
});
