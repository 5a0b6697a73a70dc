import type { Compiled } from '../compile.ts';
import { compile } from '../compile.ts';
import type { TrainTest } from '../data/dataset.ts';
import { Loader } from '../data/loader.ts';
import { type Engine, NonFiniteError, type Session } from '../engine/engine.ts';
import { initialNumbers } from '../model/initialize.ts';
import type { Model } from '../model/module.ts';
import { plannedPeakBytes } from '../plan/plan.ts';
import { randomBits, streamOf } from '../tensor/random.ts';
import { elementCount, ShapeError } from '../tensor/shape.ts';
import { type Checkpoint, type RunState, requirePosition, saveCheckpoint } from './checkpoint.ts';
import type { RunConfig } from './config.ts';
import { testTransforms, trainTransforms } from './data-config.ts';
import { evaluate } from './evaluate.ts';
import type { TrainListener } from './events.ts';
import { accuracy, addBatch, meanLoss, NOTHING } from './metrics.ts';
import { Pace } from './pace.ts';
import { programName, programsFor } from './programs.ts';
import type { RunFiles } from './run-folder.ts';

export interface TrainingRun {
  readonly config: RunConfig;
  readonly model: Model;
  readonly data: TrainTest;
  readonly compiled: Compiled;
  readonly engine: Engine;
  readonly session: Session;
  /** Where checkpoints go. The caller owns the folder. */
  readonly files: Pick<RunFiles, 'last' | 'best'>;
  readonly listener: TrainListener;
  /** Ends the run after the step at work, with a checkpoint. */
  readonly signal?: AbortSignal;
  readonly resumeFrom?: Checkpoint;
  /** Weights to begin with, by name; what is not there begins as the model says. */
  readonly startFrom?: ReadonlyMap<string, Float32Array>;
  /** Longest time between checkpoints. */
  readonly checkpointEveryMs?: number;
}

export interface TrainingResult {
  readonly finished: boolean;
  readonly run: RunState;
}

/** NaN or infinity ended a run. */
export class TrainingStoppedError extends Error {
  override readonly name = 'TrainingStoppedError';
}

/** Every program of a run: full and last batches, training and evaluation. @throws ShapeError */
export function compileRun(config: RunConfig, model: Model, data: TrainTest): Compiled {
  const { batch } = config;
  const size = [config.size, config.size] as const;
  const count = Math.min(config.limit ?? data.train.count, data.train.count);
  try {
    return compile(model, size, {
      ...programsFor('train', { count, batch }),
      ...programsFor('evaluate', { count: data.test.count, batch }),
    });
  } catch (error) {
    const last = count % batch;
    if (!(error instanceof ShapeError) || count < batch || last === 0) throw error;
    compile(model, size, { full: { batch, mode: 'train' } }); // Throws when the last batch is not to blame.
    throw new ShapeError(
      error.layer,
      `batch norm needs more than one value per channel, and the last, short batch of an epoch has ${last} ` +
        `${last === 1 ? 'image' : 'images'} (${count} in batches of ${batch}): use another --batch, ` +
        `a larger --size, or --limit ${count - last} to leave ${last === 1 ? 'it' : 'them'} out`,
    );
  }
}

/**
 * Trains as d2l's `train_ch6` does (https://d2l.ai/chapter_convolutional-neural-networks/lenet.html): shuffled
 * batches, the short last one kept, plain SGD on the mean cross-entropy, accuracy on the test set after each epoch,
 * a point of the curves five times an epoch, and examples per second of training steps only.
 */
export async function train(training: TrainingRun): Promise<TrainingResult> {
  return new Trainer(training).run();
}

class Trainer {
  readonly #training: TrainingRun;
  readonly #loader: Loader;
  readonly #pace = new Pace();
  #run: RunState;
  #savedAt = performance.now();

  constructor(training: TrainingRun) {
    const { config, data, engine, resumeFrom } = training;
    this.#training = training;
    const size = [config.size, config.size] as const;
    const limit = config.limit === undefined ? {} : { limit: config.limit };
    this.#loader = new Loader(data.train, {
      size,
      batch: config.batch,
      ...limit,
      ...trainTransforms(config),
    });
    this.#run = resumeFrom?.run ?? {
      format: 1,
      config,
      engine: engine.name,
      isa: engine.isa,
      progress: { epoch: 0, step: 0, globalStep: 0, sums: NOTHING, trainedExamples: 0, trainMs: 0 },
      history: [],
    };
  }

  async run(): Promise<TrainingResult> {
    const { config, resumeFrom, files } = this.#training;
    if (resumeFrom) requirePosition(files.last, resumeFrom.run, this.#loader.batches);
    this.#loadState();
    this.#announce();
    if (!resumeFrom) this.#save('last');
    const startedAt = performance.now();
    while (this.#run.progress.epoch < config.epochs) {
      if (!(await this.#epoch())) return { finished: false, run: this.#run };
    }
    const { progress, last } = this.#run;
    this.#training.listener({
      kind: 'end',
      ...last!,
      examplesPerSecond: (1000 * progress.trainedExamples) / progress.trainMs,
      durationMs: performance.now() - startedAt,
      rssBytes: process.memoryUsage.rss(),
    });
    return { finished: true, run: this.#run };
  }

  /** @returns false when interrupted. */
  async #epoch(): Promise<boolean> {
    const { config, signal } = this.#training;
    const loader = this.#loader;
    const startedAt = performance.now();
    const { epoch } = this.#run.progress;
    const moment = { seed: config.seed, epoch };
    const order = loader.order(moment);
    const first = this.#run.progress.step;
    let next = first < loader.batches ? loader.batch(order, first, moment) : undefined;
    while (next) {
      if (signal?.aborted) return this.#interrupted();
      const { step } = this.#run.progress;
      const batch = next;
      const stepStart = performance.now();
      const { images, labels, size } = batch;
      const running = this.#training.session.run(
        programName('train', size),
        { images, labels },
        { learningRate: config.lr, stepSeed: this.#stepSeed() },
      );
      next = step + 1 < loader.batches ? loader.batch(order, step + 1, moment) : undefined;
      await running.catch((error: unknown) => this.#failed(error));
      this.#stepDone(batch.size, performance.now() - stepStart);
      const { checkpointEveryMs = 5 * 60_000 } = this.#training;
      if (performance.now() - this.#savedAt > checkpointEveryMs) this.#save('last');
    }
    if (signal?.aborted) return this.#interrupted();
    return this.#endEpoch(startedAt);
  }

  /** A function of the run's seed and the step, so that a resumed run drops what it would have dropped. */
  #stepSeed(): number {
    const { config } = this.#training;
    return randomBits(config.seed, streamOf('step'), this.#run.progress.globalStep);
  }

  #stepDone(batchSize: number, stepMs: number): void {
    const { session, config, listener, data } = this.#training;
    const { batches } = this.#loader;
    const loss = session.output('loss')[0]!;
    const before = this.#run.progress;
    const sums = addBatch(before.sums, loss, session.output('correct')[0]!, batchSize);
    const progress = {
      epoch: before.epoch,
      step: before.step + 1,
      globalStep: before.globalStep + 1,
      sums,
      trainedExamples: before.trainedExamples + batchSize,
      trainMs: before.trainMs + stepMs,
    };
    this.#run = { ...this.#run, progress };
    this.#pace.addStep(stepMs);
    const [trainLoss, trainAccuracy] = [meanLoss(sums), accuracy(sums)];
    const evaluationBatches = Math.ceil(data.test.count / config.batch);
    listener({
      kind: 'step',
      epoch: progress.epoch,
      step: progress.step,
      stepsPerEpoch: batches,
      globalStep: progress.globalStep,
      batchSize,
      loss,
      trainLoss,
      trainAccuracy,
      stepMs,
      examplesPerSecond: (1000 * progress.trainedExamples) / progress.trainMs,
      etaMs: this.#pace.left(
        config.epochs * batches - progress.globalStep,
        config.epochs - progress.epoch,
        evaluationBatches,
      ),
      rssBytes: process.memoryUsage.rss(),
    });
    const fifth = Math.max(1, Math.floor(batches / 5));
    if (progress.step % fifth === 0 || progress.step === batches) {
      this.#addPoint({ epoch: progress.epoch + progress.step / batches, trainLoss, trainAccuracy });
    }
  }

  /** @returns false when interrupted: the epoch is then tested anew when the run goes on. */
  async #endEpoch(startedAt: number): Promise<boolean> {
    const { session, data, config, listener, signal } = this.#training;
    const { progress } = this.#run;
    const { epoch, sums } = progress;
    const evaluationStart = performance.now();
    const size = [config.size, config.size] as const;
    const test = await evaluate(
      session,
      data.test,
      { size, batch: config.batch, ...testTransforms(config) },
      (done, total) => listener({ kind: 'evaluating', epoch, done, total }),
      signal,
    ).catch((error: unknown) => {
      if (error === signal?.reason) return undefined;
      throw error;
    });
    if (!test) return this.#interrupted();
    this.#pace.addEvaluation(performance.now() - evaluationStart);
    const last = { trainLoss: meanLoss(sums), trainAccuracy: accuracy(sums), testAccuracy: accuracy(test) };
    const isBest = last.testAccuracy > (this.#run.best?.testAccuracy ?? -1);
    this.#run = {
      ...this.#run,
      progress: { ...progress, epoch: epoch + 1, step: 0, sums: NOTHING },
      last,
      ...(isBest && { best: { epoch, testAccuracy: last.testAccuracy } }),
    };
    this.#addPoint({ epoch: epoch + 1, testAccuracy: last.testAccuracy });
    listener({
      kind: 'epoch',
      epoch,
      ...last,
      examplesPerSecond: (1000 * progress.trainedExamples) / progress.trainMs,
      durationMs: performance.now() - startedAt,
      rssBytes: process.memoryUsage.rss(),
    });
    this.#save('last');
    if (isBest) this.#save('best');
    return true;
  }

  #addPoint(point: RunState['history'][number]): void {
    this.#run = { ...this.#run, history: [...this.#run.history, point] };
    this.#training.listener({ kind: 'point', point });
  }

  #interrupted(): false {
    this.#save('last');
    const { globalStep } = this.#run.progress;
    const message = `interrupted after step ${globalStep}`;
    this.#training.listener({ kind: 'stopped', reason: 'interrupted', globalStep, message });
    return false;
  }

  #failed(error: unknown): never {
    if (!(error instanceof NonFiniteError)) throw error;
    const { globalStep, epoch, step } = this.#run.progress;
    const message =
      `step ${globalStep + 1} (epoch ${epoch + 1}, batch ${step + 1}): ${error.message}; ` +
      `${this.#training.files.last} is the last good checkpoint; try a smaller --lr`;
    this.#training.listener({ kind: 'stopped', reason: 'nonFinite', globalStep, message });
    throw new TrainingStoppedError(message, { cause: error });
  }

  #loadState(): void {
    const { compiled, config, session, resumeFrom, startFrom } = this.#training;
    for (const [name, { shape }] of compiled.network.state) {
      const initializer = compiled.initializers.get(name)!;
      const numbers =
        resumeFrom?.state.get(name) ??
        startFrom?.get(name) ??
        initialNumbers(config.seed, name, elementCount(shape), initializer);
      session.write(name, numbers);
    }
  }

  #save(which: 'last' | 'best'): void {
    const { session, compiled, files, listener } = this.#training;
    const { state } = compiled.network;
    const numbers = new Map([...state.keys()].map((name) => [name, session.read(name)]));
    for (const [name, tensor] of numbers) {
      if (!tensor.every(Number.isFinite)) this.#failed(new NonFiniteError(name, 'parameter'));
    }
    saveCheckpoint(files[which], { run: this.#run, state: numbers }, state);
    this.#savedAt = performance.now();
    const { globalStep } = this.#run.progress;
    listener({ kind: 'checkpoint', path: files[which], globalStep, best: which === 'best' });
  }

  #announce(): void {
    const { compiled, config, data, engine, model, listener } = this.#training;
    const plans = [...compiled.network.programs.values()].map(({ plan }) => plan);
    const parameters = compiled.layers.reduce((sum, layer) => sum + layer.parameters, 0);
    listener({
      kind: 'start',
      startedAt: new Date().toISOString(),
      model: model.name,
      parameters,
      engine: engine.name,
      isa: engine.isa,
      threads: engine.threads,
      epochs: config.epochs,
      stepsPerEpoch: this.#loader.batches,
      batch: config.batch,
      trainImages: this.#loader.count,
      testImages: data.test.count,
      plannedPeakBytes: plannedPeakBytes(plans, engine.threads),
      resumedAtStep: this.#run.progress.globalStep,
    });
  }
}
