import { runConfigSchema } from '../../src/train/config.ts';
import type { TrainEvent } from '../../src/train/events.ts';

/** A step of a made run: its loss falls. */
export function step(globalStep: number, stepsPerEpoch = 10): Extract<TrainEvent, { kind: 'step' }> {
  const loss = 2.3 / Math.sqrt(globalStep);
  return {
    kind: 'step',
    epoch: Math.floor((globalStep - 1) / stepsPerEpoch),
    step: ((globalStep - 1) % stepsPerEpoch) + 1,
    stepsPerEpoch,
    globalStep,
    batchSize: 8,
    learningRate: 0.1,
    loss,
    trainLoss: loss * 1.1,
    trainAccuracy: 1 - loss / 3,
    stepMs: 20 + (globalStep % 3),
    examplesPerSecond: 400,
    etaMs: 10_000,
    rssBytes: 100e6,
  };
}

/** All events of a made run, as a log has them. */
export function runEvents({
  epochs,
  stepsPerEpoch,
  name = 'notes',
}: {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly name?: string;
}): TrainEvent[] {
  const config = runConfigSchema.parse({
    ...{ recipe: 'notes', model: name, data: 'sample', classes: 2, size: 32, batch: 8, epochs },
    ...{ lr: 0.1, seed: 0, precision: 'f32', classNames: ['cat', 'dog'] },
  });
  const events: TrainEvent[] = [
    {
      kind: 'start',
      startedAt: '2026-11-28T12:00:00.000Z',
      config,
      model: name,
      parameters: 758_226,
      engine: 'native',
      isa: 'avx2',
      threads: 2,
      epochs,
      stepsPerEpoch,
      batch: 8,
      trainImages: 8 * stepsPerEpoch,
      testImages: 20,
      validationImages: 0,
      plannedPeakBytes: 50e6,
      resumedAtStep: 0,
    },
    { kind: 'checkpoint', path: 'last.safetensors', globalStep: 0, best: false },
  ];
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (let i = 1; i <= stepsPerEpoch; i++) events.push(step(epoch * stepsPerEpoch + i, stepsPerEpoch));
    const { trainLoss, trainAccuracy, globalStep } = step((epoch + 1) * stepsPerEpoch, stepsPerEpoch);
    const testAccuracy = 0.5 + 0.4 * (1 - 1 / (epoch + 2));
    events.push({ kind: 'point', point: { epoch: epoch + 1, testAccuracy } });
    events.push({
      ...{ kind: 'epoch', epoch, trainLoss, trainAccuracy, testAccuracy },
      ...{ examplesPerSecond: 400, durationMs: 1000 },
    });
    events.push({
      ...{ kind: 'scores', epoch, of: 'test', classNames: ['cat', 'dog'], side: 2, channels: 1 },
      confusion: [0, 0, 8, 0, 1, 2, 1, 0, 1, 1, 1, 9],
      mistakes: [{ index: 3, label: 0, predicted: 1, confidence: 0.9, truth: 0.1, pixels: 'AP+A/w==' }],
    });
    events.push({ kind: 'tensors', epoch, names: ['0.weight'], rms: [0.1], largest: [0.5] });
    events.push({ kind: 'checkpoint', path: 'last.safetensors', globalStep, best: false });
  }
  const { trainLoss, trainAccuracy } = step(epochs * stepsPerEpoch, stepsPerEpoch);
  events.push({
    ...{ kind: 'end', trainLoss, trainAccuracy, testAccuracy: 0.9 },
    ...{ examplesPerSecond: 400, durationMs: 1000 * epochs },
  });
  return events;
}
