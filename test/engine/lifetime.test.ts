import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { type Engine, EngineError, type Outputs, type Session } from '../../src/engine/engine.ts';
import { densenet } from '../../src/model/densenet.ts';
import { loadState } from '../../src/train/initial-state.ts';
import { ENGINES } from '../support/engines.ts';
import { numbers } from '../support/module-run.ts';

// Calls during a run, and after the end of an engine.

const BATCH = 8;
const compiled = compile(densenet({ blocks: [2, 2], growthRate: 8, stem: 8 }), [32, 32], {
  step: { batch: BATCH, mode: 'train' },
});
const random = numbers(3);
const images = Float32Array.from({ length: BATCH * 32 * 32 }, random);
const labels = Int32Array.from({ length: BATCH }, (_, i) => i);

async function start(engine: Engine, seed: number): Promise<Session> {
  const session = await engine.open(compiled.network);
  loadState(session, compiled, seed);
  return session;
}
const step = (session: Session) => session.run('step', { images, labels }, { learningRate: 0.1 });
const lossOf = (outputs: Outputs) => outputs.get('loss')![0]!;

/** Rejects if a promise hangs. */
async function settled(promise: Promise<unknown>): Promise<unknown> {
  const hung = new Promise((_, reject) => setTimeout(() => reject(new Error('it hangs')), 10_000).unref());
  return Promise.race([promise, hung]).then(
    () => 'resolved',
    (error: unknown) => error,
  );
}

describe.each(ENGINES)('on $name', ({ open }) => {
  test('two concurrent sessions have independent results', async () => {
    const engine = await open(2);
    const alone = [];
    for (const seed of [1, 2]) {
      const session = await start(engine, seed);
      alone.push(lossOf(await step(session)));
    }
    const both = [await start(engine, 1), await start(engine, 2)];
    const [answers] = await Promise.all([Promise.all(both.map(step)), start(engine, 3)]);
    expect(answers.map(lossOf)).toEqual(alone);
    await engine.close();
  });

  test('a session runs one program at a time', async () => {
    const engine = await open(2);
    const session = await start(engine, 1);
    const running = step(session);
    await expect(step(session)).rejects.toThrow(/is running: wait for it first/);
    await running;
    await step(session);
    await engine.close();
  });

  test('when it has ended nothing hangs: runs are refused, closing again is nothing', async () => {
    const engine = await open(2);
    const [idle, working] = [await start(engine, 1), await start(engine, 2)];
    const running = settled(step(working)); // May finish before.
    await engine.close();
    expect(['resolved', expect.any(EngineError)]).toContainEqual(await running);
    expect(await settled(step(idle))).toBeInstanceOf(EngineError);
    expect(await settled(idle.close())).toBe('resolved');
    expect(await settled(working.close())).toBe('resolved');
    expect(await settled(engine.close())).toBe('resolved');
  });
});

describe.each(ENGINES.filter(({ name }) => name.startsWith('native')))('on $name', ({ open }) => {
  test('the memory limit is the address range, and larger programs are refused', async () => {
    const engine = await open(1);
    expect(engine.maxTotalBytes).toBeLessThanOrEqual(64 * 2 ** 30);
    const programs = { step: { batch: 12_000, mode: 'train' } } as const;
    const { network } = compile(densenet(), [224, 224], programs);
    await expect(engine.open(network)).rejects.toThrow(/needs \d+\.\d+ GiB, the native engine has/);
    await engine.close();
  });

  test('memory is released when the engine closes, not when it is collected', async () => {
    const engine = await open(1);
    const session = await start(engine, 1);
    await engine.close();
    await expect(session.read('0.0.weight')).rejects.toThrow(/closed/);
  });
});
