import type { Loader } from '../data/loader.ts';
import { networkPeakBytes } from '../plan/compiled-network.ts';
import type { RunState } from './checkpoint.ts';
import type { EventOf } from './events.ts';
import type { TrainingRun } from './training-run.ts';

/** What begins or is resumed: network, engine, sizes and planned memory. */
export function startEvent(
  { compiled, config, data, engine, model }: TrainingRun,
  loader: Loader,
  { progress }: RunState,
): EventOf<'start'> {
  return {
    kind: 'start',
    startedAt: new Date().toISOString(),
    config,
    model: model.name,
    parameters: compiled.layers.reduce((sum, layer) => sum + layer.parameters, 0),
    engine: engine.name,
    isa: engine.isa,
    threads: engine.threads,
    epochs: config.epochs,
    stepsPerEpoch: loader.batches,
    batch: config.batch,
    trainImages: loader.count,
    testImages: data.test.count,
    validationImages: data.validation?.count ?? 0,
    plannedPeakBytes: networkPeakBytes(compiled.network, engine.threads),
    resumedAtStep: progress.globalStep,
  };
}

/** The results of a finished run. @param durationMs since it was begun or resumed. */
export function endEvent(
  { data }: TrainingRun,
  { progress, last, best }: RunState,
  durationMs: number,
): EventOf<'end'> {
  const { trainLoss, trainAccuracy, testAccuracy } = last!;
  return {
    kind: 'end',
    trainLoss,
    trainAccuracy,
    testAccuracy: testAccuracy!,
    ...(data.validation && { bestTestAccuracy: best!.testAccuracy }),
    examplesPerSecond: (1000 * progress.trainedExamples) / progress.trainMs,
    durationMs,
  };
}
