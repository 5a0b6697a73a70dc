import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { DeviceLostError, type Engine, NonFiniteError, type Session } from '../../src/engine/engine.ts';
import { openDevice } from '../../src/engine/webgpu/device.ts';
import { createWebgpuEngine } from '../../src/engine/webgpu/engine.ts';
import { nodeGpu } from '../../src/engine/webgpu/node-gpu.ts';
import { elementCount } from '../../src/tensor/shape.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { PauseGate } from '../../src/train/pause-gate.ts';
import { OWN_NETWORK } from '../support/colours.ts';
import { readBits } from '../support/read-state.ts';
import { plain, trainingRuns } from '../support/training-run.ts';
import { plainSession, watchedSession, withSessions } from './sessions.ts';

const { checkpointOf, comparable, run } = trainingRuns();

let engine: Engine;
beforeAll(async () => {
  engine = createWebgpuEngine({ device: await openDevice({ gpu: await nodeGpu() }) });
});
afterAll(() => engine.close());
const queued = async () => withSessions(engine);
const oneAtATime = async () => withSessions(engine, plainSession);

/** Events without times and speeds. */
const untimed = (events: readonly TrainEvent[]) =>
  events.map((event) =>
    Object.fromEntries(
      Object.entries(event).filter(
        ([name]) => !/Ms$|PerSecond$|At$|^path$/.test(name) || name === 'resumedAtStep',
      ),
    ),
  );

describe('a run whose steps are submitted while the step before runs', () => {
  const config = { ...plain, epochs: 2 };

  test('has the bits, the losses and the events of one that waits for each step', async () => {
    const unfinished: number[] = [];
    const watched = async () =>
      withSessions(engine, (session) => watchedSession(session, (count) => unfinished.push(count)));
    const events = await run(watched, 'queued', { config });
    const want = await run(oneAtATime, 'plain', { config });
    expect(Math.max(...unfinished)).toBe(2);
    expect(comparable('queued')).toEqual(comparable('plain'));
    expect(untimed(events)).toEqual(untimed(want));
  });

  test('is interrupted after the steps that were begun, and a resumed run has the bits of an uninterrupted one', async () => {
    await run(queued, 'whole', { config });
    for (const stopAfter of [3, 6, 7, 8]) {
      const name = `stopped ${stopAfter}`;
      const events = await run(queued, name, { config, stopAfter });
      const steps = events.flatMap((event) => (event.kind === 'step' ? [event.globalStep] : []));
      const { globalStep } = checkpointOf(name).run.progress;
      expect(steps).toEqual(Array.from({ length: globalStep }, (_, i) => i + 1));
      // No step of the next epoch is begun before the evaluation.
      expect(globalStep).toBe(stopAfter === 7 ? 7 : stopAfter + 1);
      await run(queued, name, { config, resume: true });
      expect(comparable(name)).toEqual(comparable('whole'));
    }
  });

  test('is paused when the steps that were begun are reported', async () => {
    const pause = new PauseGate();
    const steps: number[] = [];
    let atResume: readonly number[] = [];
    await run(queued, 'paused', {
      config,
      pause,
      onEvent: (event) => {
        if (event.kind !== 'step') return;
        steps.push(event.globalStep);
        if (event.globalStep !== 3) return;
        pause.pause();
        setTimeout(() => {
          atResume = [...steps];
          pause.resume();
        }, 500);
      },
    });
    expect(atResume).toEqual([1, 2, 3, 4]);
    await run(queued, 'whole', { config });
    expect(comparable('paused')).toEqual(comparable('whole'));
  });

  test('names the step of the first NaN, as one that waits for each step does', async () => {
    const hot = { ...config, lr: 1e30 };
    const failed = async (open: typeof queued, name: string) => {
      const events: TrainEvent[] = [];
      const onEvent = (event: TrainEvent) => events.push(event);
      const error = await run(open, name, { config: hot, onEvent }).then(
        () => new Error('it ended'),
        (reason: Error) => reason,
      );
      return { message: error.message.replace(/[^ ;]*last\.safetensors/, ''), events: untimed(events) };
    };
    const got = await failed(queued, 'a');
    const want = await failed(oneAtATime, 'b');
    expect(want.message).toMatch(/^step \d+ \(epoch 1, batch \d+\): NaN or infinity in the/);
    expect(got.message).toBe(want.message);
    expect(got.events.map(({ kind }) => kind)).toEqual(want.events.map(({ kind }) => kind));
  });

  test('ends with the loss of the device, and resumes from its last checkpoint', async () => {
    await run(queued, 'whole', { config });
    const device = await openDevice({ gpu: await nodeGpu() });
    const lost = async () => withSessions(createWebgpuEngine({ device }));
    const onEvent = (event: TrainEvent) => {
      if (event.kind === 'step' && event.globalStep === 8) device.device.destroy();
    };
    await expect(run(lost, 'lost', { config, onEvent })).rejects.toThrow(DeviceLostError);
    expect(checkpointOf('lost').run.progress.globalStep).toBe(7);
    await run(queued, 'lost', { config, resume: true });
    expect(comparable('lost')).toEqual(comparable('whole'));
  });
});

describe('runs of a session', () => {
  const images = Float32Array.from({ length: 4 * 3 * 12 * 12 }, (_, i) => Math.sin(i));
  const inputs = { images, labels: Int32Array.of(0, 1, 2, 0) };
  const scalars = { learningRate: 0.1 };
  const spoiled = { ...inputs, images: images.map((x, i) => (i === 5 ? Number.NaN : x)) };

  async function opened(on: Engine = engine) {
    const programs = {
      train: { batch: 4, mode: 'train' },
      evaluate: { batch: 4, mode: 'evaluate' },
    } as const;
    const { network } = compile(OWN_NETWORK, [12, 12], programs, { target: on.target });
    const session = await on.open(network);
    for (const [name, { shape }] of network.state)
      session.write(
        name,
        Float32Array.from({ length: elementCount(shape) }, (_, i) => Math.cos(i) / 2),
      );
    const bits = () => readBits(session, network.state.keys());
    return { session, bits };
  }

  test('behind one that fails reject with its error and change nothing; the next one runs', async () => {
    const { session, bits } = await opened();
    const before = await bits();
    const [first, second] = await Promise.allSettled([
      session.run('train', spoiled, scalars),
      session.run('train', inputs, scalars),
    ]);
    if (first.status !== 'rejected' || second.status !== 'rejected') throw new Error('expected failures');
    expect(first.reason).toBeInstanceOf(NonFiniteError);
    expect(second.reason).toBe(first.reason);
    expect(await bits()).toEqual(before);
    await session.run('train', inputs, scalars);
    expect(await bits()).not.toEqual(before);
    await session.close();
  });

  test('are two at most', async () => {
    const { session } = await opened();
    const runs = [0, 1, 2].map(() => session.run('train', inputs, scalars));
    const [first, second, third] = await Promise.allSettled(runs);
    expect([first!.status, second!.status]).toEqual(['fulfilled', 'fulfilled']);
    expect(third).toMatchObject({ reason: { message: expect.stringContaining('wait for it first') } });
    await session.close();
  });

  // The first runs are submitted in parts, whose times are measured: the second waits, and keeps its inputs.
  test('keep their inputs, also while another is submitted in parts', async () => {
    const answers = async (isQueued: boolean) => {
      let ms = 0;
      const device = await openDevice({ gpu: await nodeGpu() });
      const own = createWebgpuEngine({ device, now: () => (ms += 5000) });
      const { session } = await opened(own);
      const losses: number[] = [];
      const pending: Promise<unknown>[] = [];
      const buffer = images.slice();
      const classes = Int32Array.from(inputs.labels);
      for (let step = 1; step <= 4; step++) {
        buffer.set(images.map((x) => x * step));
        classes.set(inputs.labels);
        const running = lossOf(session, { images: buffer, labels: classes }).then((loss) =>
          losses.push(loss),
        );
        buffer.fill(Number.NaN);
        classes.fill(0);
        pending.push(running);
        if (!isQueued || pending.length === 2) await Promise.all(pending.splice(0));
      }
      await own.close();
      return losses;
    };
    const want = await answers(false);
    expect(want.every(Number.isFinite)).toBe(true);
    expect(await answers(true)).toEqual(want);
  });

  const lossOf = async (session: Session, of: typeof inputs) =>
    (await session.run('train', of, scalars)).get('loss')![0]!;
});
