import type { Batch, Dataset } from '../data/dataset.ts';
import type { Loader } from '../data/loader.ts';
import { NonFiniteError } from '../engine/engine.ts';
import { counted } from '../tensor/counted.ts';
import { allFinite } from '../tensor/finite.ts';
import { measureAveragedStatistics } from './averaged-statistics.ts';
import { FORMAT, NUMERICS, type RunState, requirePosition } from './checkpoint.ts';
import { evaluationBatch } from './config.ts';
import { testTransforms, trainingLoader } from './data-config.ts';
import { type EvaluateOptions, evaluate } from './evaluate.ts';
import { loadState } from './initial-state.ts';
import { planEvent, scorecardOf, scoresEvent, tensorsEvent } from './insight.ts';
import { accuracy, addBatch, meanLoss, NOTHING, type Sums } from './metrics.ts';
import { Pace } from './pace.ts';
import { endEvent, startEvent } from './run-events.ts';
import { RunQueue } from './run-queue.ts';
import { learningRateAt } from './schedule.ts';
import { forgetMoments, type Stage, stageAt, stagesOf } from './stages.ts';
import { runStep, type StepResult, type StepTarget, stepSeedOf } from './step.ts';
import { StepProfile } from './step-profile.ts';
import { TrainingStoppedError } from './stopped-error.ts';
import type { TrainingResult, TrainingRun } from './training-run.ts';

/**
 * Trains like d2l's `train_ch6` (https://d2l.ai/chapter_convolutional-neural-networks/lenet.html): shuffled batches
 * including the short last one, the recipe's optimiser (plain SGD in the notes' recipe) on the mean cross-entropy,
 * accuracy on the test set after each epoch (with validation images: on those, and on the test set only at the end),
 * a point of the curves five times per epoch, and examples per second of training steps only.
 */
export async function train(training: TrainingRun): Promise<TrainingResult> {
  return new Trainer(training).run();
}

class Trainer {
  readonly #training: TrainingRun;
  readonly #loader: Loader;
  readonly #stages: ReturnType<typeof stagesOf>;
  readonly #pace = new Pace();
  #run: RunState;
  #savedAt = performance.now();
  /** When the results of the latest step were there. */
  #stepDoneAt = 0;
  /** Steps on whole batches since the start or the resume. */
  #stepsHere = 0;

  constructor(training: TrainingRun) {
    const { config, data, engine, resumeFrom } = training;
    this.#training = training;
    this.#loader = trainingLoader(data.train, config);
    this.#stages = stagesOf(config, this.#loader.batches);
    const from = resumeFrom?.run ?? {
      config,
      progress: { epoch: 0, step: 0, globalStep: 0, sums: NOTHING, trainedExamples: 0, trainMs: 0 },
      history: [],
    };
    this.#run = { ...from, format: FORMAT, numerics: NUMERICS, engine: engine.name, isa: engine.isa };
  }

  async run(): Promise<TrainingResult> {
    const { resumeFrom, startFrom, store, session, compiled, config, signal } = this.#training;
    if (resumeFrom) requirePosition(store.nameOf('last'), resumeFrom.run, this.#loader.batches);
    loadState(session, compiled, config.seed, resumeFrom?.training.state ?? startFrom);
    this.#announce();
    if (!resumeFrom) await this.#save('last');
    const startedAt = performance.now();
    if (!this.#isTested()) {
      try {
        while (this.#run.progress.epoch < config.epochs && !this.#patienceIsOver()) await this.#epoch();
        await this.#finalTest();
      } catch (error) {
        if (!signal?.aborted || error !== signal.reason) throw error;
        await this.#interrupted();
        return { finished: false, run: this.#run };
      }
    }
    const durationMs = performance.now() - startedAt;
    this.#training.listener({ ...endEvent(this.#training, this.#run, durationMs), ...this.#memory() });
    return { finished: true, run: this.#run };
  }

  /** @throws the signal's reason when interrupted. */
  async #epoch(): Promise<void> {
    const { config, signal, session, pause } = this.#training;
    const loader = this.#loader;
    const startedAt = performance.now();
    const { epoch } = this.#run.progress;
    const moment = { seed: config.seed, epoch };
    const order = loader.order(moment);
    const first = this.#run.progress.step;
    let next = first < loader.batches ? loader.batch(order, first, moment) : undefined;
    // Steps of several micro-batches write to the state if they fail.
    const steps = new RunQueue<StepResult>(session, config.microBatch === undefined ? undefined : 1);
    const { checkpointEveryMs = 5 * 60_000 } = this.#training;
    try {
      while (next) {
        const profile = this.#profileOf(next.size);
        if (profile || pause?.isPaused || signal?.aborted) await steps.finish();
        await pause?.wait(signal);
        signal?.throwIfAborted();
        const step = this.#run.progress.step + steps.length;
        this.#beginStep(steps, next, profile, () => {
          next = step + 1 < loader.batches ? loader.batch(order, step + 1, moment) : undefined;
        });
        await (profile ? steps.finish() : steps.room());
        if (performance.now() - this.#savedAt <= checkpointEveryMs) continue;
        await steps.finish();
        await this.#save('last');
      }
      await steps.finish();
    } catch (error) {
      this.#failed(error);
    } finally {
      await steps.abandon();
    }
    signal?.throwIfAborted();
    await this.#endEpoch(startedAt);
  }

  /**
   * Begins the step behind the unfinished ones. @param profile measures it: no other step is unfinished meanwhile.
   * @param whenRead called when the batch may be overwritten.
   */
  #beginStep(
    steps: RunQueue<StepResult>,
    batch: Batch,
    profile: StepProfile | undefined,
    whenRead: () => void,
  ): void {
    const { config, session, compiled } = this.#training;
    const stage = this.#stage();
    const index = this.#run.progress.globalStep + steps.length;
    if (stage.firstStep > 0 && index === stage.firstStep) forgetMoments(session, compiled.network);
    const startedAt = performance.now();
    const { size } = batch;
    const learningRate = learningRateAt(stage.schedule, index - stage.firstStep);
    const scalars = {
      learningRate,
      step: index - stage.firstStep + 1,
      stepSeed: stepSeedOf(config.seed, index),
    };
    const target = profile ? { ...this.#target(), session: profile.session } : this.#target();
    steps.add(runStep(target, batch, scalars, whenRead), (result) => {
      const now = performance.now();
      // The time of the step before, during which this one waited, is not this one's.
      const stepMs = now - Math.max(startedAt, this.#stepDoneAt);
      this.#stepDoneAt = now;
      this.#stepDone(size, learningRate, result, stepMs);
      if (profile) this.#training.listener(profile.event(this.#run.progress.globalStep, stepMs));
    });
  }

  #stepDone(batchSize: number, learningRate: number, { loss, correct }: StepResult, stepMs: number): void {
    const { config, data, listener } = this.#training;
    const { batches } = this.#loader;
    const before = this.#run.progress;
    const sums = addBatch(before.sums, loss, correct, batchSize);
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
    const judge = this.#judge().count;
    const evaluationBatches = Math.ceil(judge / evaluationBatch(config));
    const finalTest = data.validation ? data.test.count / judge : 0; // In units of an epoch's evaluation.
    listener({
      kind: 'step',
      epoch: progress.epoch,
      step: progress.step,
      stepsPerEpoch: batches,
      globalStep: progress.globalStep,
      batchSize,
      learningRate,
      loss,
      trainLoss,
      trainAccuracy,
      stepMs,
      examplesPerSecond: (1000 * progress.trainedExamples) / progress.trainMs,
      etaMs: this.#pace.left(
        config.epochs * batches - progress.globalStep,
        config.epochs - progress.epoch + finalTest,
        evaluationBatches,
      ),
      ...this.#memory(),
    });
    const fifth = Math.max(1, Math.floor(batches / 5));
    if (progress.step % fifth === 0 || progress.step === batches) {
      const epoch = progress.epoch + progress.step / batches;
      this.#addPoint({ epoch, trainLoss, trainAccuracy, learningRate });
    }
  }

  /** @throws the signal's reason when interrupted: a resumed run then repeats the evaluation of the epoch. */
  async #endEpoch(startedAt: number): Promise<void> {
    const { data, listener } = this.#training;
    const { progress, best } = this.#run;
    const { epoch, sums } = progress;
    const evaluationStart = performance.now();
    await this.#measureAverages(epoch);
    const judge = this.#judge();
    const card = scorecardOf(judge);
    const judgement = await this.#evaluateOn(judge, epoch, card?.add.bind(card));
    const [reached, loss] = [accuracy(judgement), meanLoss(judgement)];
    this.#pace.addEvaluation(performance.now() - evaluationStart);
    const judged = data.validation ? { validationAccuracy: reached } : { testAccuracy: reached };
    const last = { trainLoss: meanLoss(sums), trainAccuracy: accuracy(sums), ...judged };
    const bestYet = best?.validationAccuracy ?? best?.testAccuracy ?? -1;
    const isBest = reached > bestYet || (reached === bestYet && loss < (best?.loss ?? 0));
    this.#run = {
      ...this.#run,
      progress: { ...progress, epoch: epoch + 1, step: 0, sums: NOTHING },
      last,
      ...(isBest && { best: { epoch, ...judged, loss } }),
    };
    this.#addPoint({ epoch: epoch + 1, ...judged });
    listener({
      kind: 'epoch',
      epoch,
      ...last,
      examplesPerSecond: (1000 * progress.trainedExamples) / progress.trainMs,
      durationMs: performance.now() - startedAt,
      ...this.#memory(),
    });
    if (card) listener(scoresEvent(epoch, data.validation ? 'validation' : 'test', card, judge));
    listener(await tensorsEvent(epoch, this.#training.session, this.#training.compiled.network));
    // In this order: if `last` was not written, the epoch is repeated; if `best` was not, it would be lost.
    if (isBest) await this.#save('best');
    await this.#save('last');
  }

  /** Measures one step of whole batches, when the first ones have warmed up caches and clocks. */
  #profileOf(batchSize: number): StepProfile | undefined {
    const { session, compiled, config } = this.#training;
    if (!session.profile || batchSize !== config.batch || this.#stepsHere++ !== PROFILED_STEP)
      return undefined;
    return new StepProfile(session, compiled.network);
  }

  #target(): StepTarget {
    const { config, session, compiled } = this.#training;
    return { session, network: compiled.network, microBatch: config.microBatch, stage: this.#stage().name };
  }

  /** Stage of the current epoch. */
  #stage(): Stage {
    return stageAt(this.#stages, this.#run.progress.epoch);
  }

  /**
   * Measures the statistics of averaged weights, if there are any, before evaluation. @throws the signal's reason
   * when interrupted.
   */
  async #measureAverages(epoch: number): Promise<void> {
    const { config, signal } = this.#training;
    if (config.ema === undefined) return;
    const moment = { seed: config.seed, epoch };
    await measureAveragedStatistics(this.#target(), this.#loader, moment, signal).catch((error: unknown) =>
      this.#failed(error, evaluationOf(epoch)),
    );
  }

  /** The images that select the best epoch. */
  #judge(): Dataset {
    const { validation, test } = this.#training.data;
    return validation ?? test;
  }

  /** @throws the signal's reason when interrupted. */
  async #evaluateOn(dataset: Dataset, epoch: number, onBatch?: EvaluateOptions['onBatch']): Promise<Sums> {
    const { session, config, listener, signal } = this.#training;
    return evaluate(
      session,
      dataset,
      {
        size: [config.size, config.size],
        batch: evaluationBatch(config),
        memory: this.#loader.memory, // No training batch is in use.
        ...testTransforms(config),
        ...(onBatch && { onBatch }),
      },
      (done, total) => listener({ kind: 'evaluating', epoch, done, total }),
      signal,
    ).catch((error: unknown) => this.#failed(error, evaluationOf(epoch)));
  }

  #patienceIsOver(): boolean {
    const { config, listener } = this.#training;
    const { best, progress } = this.#run;
    if (config.patience === undefined || !best) return false;
    if (progress.epoch - 1 - best.epoch < config.patience) return false;
    const message =
      `no better on the validation images than after epoch ${best.epoch + 1} for ` +
      `${counted(config.patience, 'epoch')}: done after epoch ${progress.epoch}`;
    listener({ kind: 'stopped', reason: 'patience', globalStep: progress.globalStep, message });
    return true;
  }

  /** True if the final test is done. With validation images it is the last action of a run. */
  #isTested(): boolean {
    return this.#training.data.validation !== undefined && this.#run.last?.testAccuracy !== undefined;
  }

  /** With validation images: the first evaluation on the test images, with the last weights and with the best. */
  async #finalTest(): Promise<void> {
    const { data } = this.#training;
    const { last, best, progress } = this.#run;
    if (!data.validation) return;
    const epoch = progress.epoch - 1;
    const ofLast = accuracy(await this.#evaluateOn(data.test, epoch));
    let ofBest = ofLast;
    if (best!.epoch !== epoch) {
      await this.#load('best');
      try {
        ofBest = accuracy(await this.#evaluateOn(data.test, epoch));
      } finally {
        await this.#load('last'); // It was saved after the last epoch.
      }
    }
    this.#run = {
      ...this.#run,
      last: { ...last!, testAccuracy: ofLast },
      best: { ...best!, testAccuracy: ofBest },
    };
    this.#addPoint({ epoch: progress.epoch, testAccuracy: ofLast });
    await this.#save('last');
  }

  #addPoint(point: RunState['history'][number]): void {
    this.#run = { ...this.#run, history: [...this.#run.history, point] };
    this.#training.listener({ kind: 'point', point });
  }

  /** Reports the interruption and saves: all interruptions end here. */
  async #interrupted(): Promise<void> {
    const { globalStep } = this.#run.progress;
    const message = `interrupted after step ${globalStep}`;
    this.#training.listener({ kind: 'stopped', reason: 'interrupted', globalStep, message });
    await this.#save('last');
  }

  #failed(error: unknown, where?: string): never {
    if (!(error instanceof NonFiniteError)) throw error;
    const { globalStep, epoch, step } = this.#run.progress;
    const atStep = `step ${globalStep + 1} (epoch ${epoch + 1}, batch ${step + 1})`;
    const message =
      `${where ?? atStep}: ${error.message}; ` +
      `${this.#training.store.nameOf('last')} is the last good checkpoint; try a smaller \`lr\``;
    this.#training.listener({ kind: 'stopped', reason: 'nonFinite', globalStep, message });
    throw new TrainingStoppedError(message, { cause: error });
  }

  async #load(which: 'last' | 'best'): Promise<void> {
    const { session, store } = this.#training;
    const { training } = await store.load(which);
    for (const [name, numbers] of training.state) session.write(name, numbers);
  }

  async #save(which: 'last' | 'best'): Promise<void> {
    const { compiled, store, listener, session } = this.#training;
    const read = async (name: string) => {
      const numbers = await session.read(name);
      if (!allFinite(numbers)) this.#failed(new NonFiniteError(name, 'parameter'));
      return numbers;
    };
    const { globalStep } = this.#run.progress;
    // The event is emitted before saving: a log truncated to the length in the checkpoint then has this event exactly
    // once.
    listener({ kind: 'checkpoint', path: store.nameOf(which), globalStep, best: which === 'best' });
    await store.save(which, { run: this.#run, state: { read } }, compiled.network.state);
    this.#savedAt = performance.now();
  }

  #memory(): { readonly rssBytes?: number } {
    const { memoryBytes } = this.#training;
    return memoryBytes ? { rssBytes: memoryBytes() } : {};
  }

  #announce(): void {
    const { compiled, engine, listener } = this.#training;
    listener(startEvent(this.#training, this.#loader, this.#run));
    const plan = planEvent(compiled.network, engine.threads);
    if (plan) listener(plan);
  }
}

/** Steps before the one that is measured. */
const PROFILED_STEP = 9;

const evaluationOf = (epoch: number) => `evaluation of epoch ${epoch + 1}`;
