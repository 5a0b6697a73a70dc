import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { Dataset, TrainTest } from '../../src/data/dataset.ts';
import { cifarDensenet } from '../../src/model/cifar-densenet.ts';
import { densenet } from '../../src/model/densenet.ts';
import type { Model } from '../../src/model/module.ts';
import type { Target } from '../../src/plan/target.ts';
import { loadCheckpoint } from '../../src/run/checkpoint-file.ts';
import { checkpointStore } from '../../src/run/checkpoint-store.ts';
import { runFiles } from '../../src/run/run-folder.ts';
import { compileRun } from '../../src/train/compile-run.ts';
import { type RunConfig, runConfigSchema } from '../../src/train/config.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import type { PauseGate } from '../../src/train/pause-gate.ts';
import { dataOf } from '../../src/train/run-data.ts';
import { train } from '../../src/train/trainer.ts';
import { ENGINES, type EngineCase } from './engines.ts';
import { bitsOfAll } from './floats.ts';
import { numbers } from './module-run.ts';

/** Images whose class is the position of a bright corner, which is easy to learn. */
function brightCorners(count: number, seed: number): Dataset {
  const random = numbers(seed);
  const labels = Uint8Array.from({ length: count }, () => Math.floor(random() * 4));
  const pixels = Uint8Array.from({ length: count * 256 }, (_, i) => {
    const [image, row, column] = [i >> 8, (i >> 4) & 15, i & 15];
    const bright = (row >> 3) * 2 + (column >> 3) === labels[image];
    return Math.floor(random() * 100) + (bright ? 100 : 0);
  });
  const classNames = ['a', 'b', 'c', 'd'];
  return { name: 'corners', count, height: 16, width: 16, channels: 1, pixels, labels, classNames };
}

export const data: TrainTest = { train: brightCorners(52, 1), test: brightCorners(23, 2) };
export const plain = runConfigSchema.parse({
  recipe: 'notes',
  model: 'small',
  data: 'corners',
  classes: 4,
  size: 18,
  batch: 8,
  epochs: 3,
  lr: 0.05,
  seed: 11,
  precision: 'f32',
});
export const small = densenet({ name: 'small', blocks: [1, 1], growthRate: 5, stem: 6, classes: 4 });
export const dropping = cifarDensenet({ depth: 7, growthRate: 4, channels: 1, classes: 4, dropout: 0.2 });
/** Of a run of `plain`. */
export const STEPS = 3 * 7;

/** The default engine, if available. */
export const NATIVE = ENGINES.filter(({ name }) => name.startsWith('native')).slice(0, 1);

const compiledRuns = new Map<Target, Map<string, ReturnType<typeof compileRun>>>();

/** Runs that are interrupted and resumed share one compiled network: it is immutable. */
function compiledFor(
  target: Target,
  config: RunConfig,
  model: Model,
  runData: TrainTest,
): ReturnType<typeof compileRun> {
  const runs = compiledRuns.get(target) ?? new Map<string, ReturnType<typeof compileRun>>();
  compiledRuns.set(target, runs);
  const key = JSON.stringify([config, model, runData.train.count]);
  const compiled = runs.get(key) ?? compileRun(config, model, runData, { target });
  runs.set(key, compiled);
  return compiled;
}

/** Training runs by name, in a folder that each test has for itself. */
export function trainingRuns() {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const filesOf = (name: string) => runFiles(join(folder, name));
  const checkpointOf = (name: string, which: 'last' | 'best' = 'last') =>
    loadCheckpoint(filesOf(name)[which]);

  /**
   * Trains to the end, to `stopAfter` steps, or to `stopInTest` test batches of an epoch; `resume`: from the
   * folder's checkpoint.
   */
  const run = async (
    open: EngineCase['open'],
    name: string,
    {
      stopAfter = Number.POSITIVE_INFINITY,
      stopInTest = 0,
      stopInFinalTest = false,
      resume = false,
      threads = 2,
      config = plain,
      model = small,
      images = data,
      best = undefined as string | undefined,
      startFrom = undefined as ReadonlyMap<string, Float32Array> | undefined,
      pause = undefined as PauseGate | undefined,
      onEvent = (_: TrainEvent): void => {},
    } = {},
  ): Promise<TrainEvent[]> => {
    const places = runFiles(join(folder, name));
    const files = { ...places, best: best ?? places.best };
    mkdirSync(join(folder, name), { recursive: true });
    const runData = dataOf(config, images);
    const engine = await open(threads);
    const compiled = compiledFor(engine.target, config, model, runData);
    const session = await engine.open(compiled.network);
    const controller = new AbortController();
    const events: TrainEvent[] = [];
    await train({
      config,
      model,
      data: runData,
      compiled,
      engine,
      session,
      store: checkpointStore(files),
      signal: controller.signal,
      ...(resume && { resumeFrom: loadCheckpoint(files.last) }),
      ...(startFrom && { startFrom }),
      pause,
      listener: (event) => {
        events.push(event);
        onEvent(event);
        if (event.kind === 'step' && event.globalStep === stopAfter) controller.abort();
        if (event.kind === 'evaluating' && event.done === stopInTest) controller.abort();
        if (event.kind === 'evaluating' && event.total === 3 && stopInFinalTest) controller.abort();
      },
    });
    await engine.close();
    return events;
  };

  /** What must be equal in two runs: everything except times and speeds. */
  const comparable = (name: string) => {
    const { run: state, state: numbersOf } = checkpointOf(name);
    const { trainMs: _, ...progress } = state.progress;
    return {
      ...state,
      progress,
      numbers: [...bitsOfAll(numbersOf)],
    };
  };

  return { filesOf, checkpointOf, run, comparable };
}
