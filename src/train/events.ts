import type { RunConfig } from './config.ts';
import type { Mistake } from './scorecard.ts';

/** Epochs are fractional within an epoch; losses and accuracies are means since the start of the epoch. */
export interface CurvePoint {
  readonly epoch: number;
  readonly trainLoss?: number | undefined;
  readonly trainAccuracy?: number | undefined;
  readonly testAccuracy?: number | undefined;
  readonly validationAccuracy?: number | undefined;
  readonly learningRate?: number | undefined;
}

/** A misclassified image, with its pixels as base64: `side`² · `channels` bytes. */
export interface PicturedMistake extends Mistake {
  readonly file?: string | undefined;
  readonly pixels?: string | undefined;
}

/** What a buffer of a `plan` event consists of; `role` and `reason` are indices of the event's texts. */
export const PLAN_BUFFER = ['first', 'last', 'offset', 'bytes', 'role', 'reason'] as const;

/**
 * What a row of a `profile` event consists of: indices of the event's `parts` and `ops`, the number of kernel calls,
 * their time in milliseconds, and the least operations and bytes of memory traffic that their work needs.
 */
export const PROFILE_ROW = ['part', 'op', 'calls', 'ms', 'flops', 'bytes'] as const;

/**
 * Events of a training run for its listeners: the progress bar, the log, the curves, tests. Times are in ms or s as
 * named.
 */
export type TrainEvent =
  | {
      readonly kind: 'start';
      readonly startedAt: string;
      readonly config: RunConfig;
      readonly model: string;
      readonly parameters: number;
      readonly engine: string;
      readonly isa: string;
      readonly threads: number;
      readonly epochs: number;
      readonly stepsPerEpoch: number;
      readonly batch: number;
      readonly trainImages: number;
      readonly testImages: number;
      /** Split from the training images, or a folder's own. */
      readonly validationImages: number;
      readonly plannedPeakBytes: number;
      /** Steps done before a resume; 0 for a new run. */
      readonly resumedAtStep: number;
    }
  | {
      readonly kind: 'step';
      /** The epoch, from 0. */
      readonly epoch: number;
      /** Steps done in this epoch, from 1. */
      readonly step: number;
      readonly stepsPerEpoch: number;
      /** Steps done in the whole run. */
      readonly globalStep: number;
      readonly batchSize: number;
      readonly learningRate: number;
      /** Mean loss of this batch. */
      readonly loss: number;
      /** Means since the start of the epoch, as in d2l's train_ch6. */
      readonly trainLoss: number;
      readonly trainAccuracy: number;
      readonly stepMs: number;
      /** Training steps only, since the start of the run. */
      readonly examplesPerSecond: number;
      /** Estimated time until the run ends, including evaluation. */
      readonly etaMs: number;
      readonly rssBytes?: number;
    }
  /** For a folder of images: images found and files that could not be read. */
  | {
      readonly kind: 'data';
      readonly data: string;
      readonly classes: readonly {
        readonly name: string;
        readonly train: number;
        readonly validation?: number;
        readonly test: number;
      }[];
      readonly skipped: readonly { readonly file: string; readonly reason: string }[];
    }
  /** A point of the curves: five times per epoch, and after it with the test accuracy. */
  | { readonly kind: 'point'; readonly point: CurvePoint }
  | { readonly kind: 'evaluating'; readonly epoch: number; readonly done: number; readonly total: number }
  | {
      readonly kind: 'epoch';
      readonly epoch: number;
      readonly trainLoss: number;
      readonly trainAccuracy: number;
      /** One of the two: validation accuracy if there are validation images. */
      readonly testAccuracy?: number | undefined;
      readonly validationAccuracy?: number | undefined;
      readonly examplesPerSecond: number;
      readonly durationMs: number;
      readonly rssBytes?: number;
    }
  /** After each epoch: what the network took for what, on the images that choose the best epoch. */
  | {
      readonly kind: 'scores';
      readonly epoch: number;
      readonly of: 'test' | 'validation';
      readonly classNames: readonly string[];
      /** Triples: true class, predicted class, number of images; none of zero images. */
      readonly confusion: readonly number[];
      /** The most confident mistakes, in descending order of confidence. */
      readonly mistakes: readonly PicturedMistake[];
      /** Height and width of the pictures, in pixels, and their channels: 1 or 3. */
      readonly side: number;
      readonly channels: number;
    }
  /** After each epoch: the size of the numbers in each parameter. */
  | {
      readonly kind: 'tensors';
      readonly epoch: number;
      readonly names: readonly string[];
      /** Root mean square. */
      readonly rms: readonly number[];
      readonly largest: readonly number[];
    }
  /** At the start: the memory of a training step. Buffers are rows of `PLAN_BUFFER`. */
  | {
      readonly kind: 'plan';
      readonly plannedPeakBytes: number;
      readonly arenaBytes: number;
      readonly persistentBytes: number;
      readonly scratchBytes: number;
      readonly threads: number;
      readonly backwardFrom: number;
      readonly updateFrom: number;
      readonly peakRecord: number;
      readonly peakBytes: number;
      /** The part of the network that each kernel call belongs to, as an index of `parts`. */
      readonly records: readonly number[];
      readonly parts: readonly string[];
      readonly roles: readonly string[];
      readonly reasons: readonly string[];
      readonly buffers: readonly number[];
    }
  /** Once, soon after the start: where the time of a training step went. Rows are `PROFILE_ROW`. */
  | {
      readonly kind: 'profile';
      /** The step that was measured, and its time in milliseconds, as in its `step` event. */
      readonly globalStep: number;
      readonly stepMs: number;
      /** Parts of the network, and kinds of kernels. */
      readonly parts: readonly string[];
      readonly ops: readonly string[];
      readonly rows: readonly number[];
    }
  | {
      readonly kind: 'checkpoint';
      readonly path: string;
      readonly globalStep: number;
      readonly best: boolean;
    }
  | {
      readonly kind: 'stopped';
      readonly reason: 'interrupted' | 'nonFinite' | 'patience';
      readonly globalStep: number;
      readonly message: string;
    }
  | {
      readonly kind: 'end';
      readonly trainLoss: number;
      readonly trainAccuracy: number;
      readonly testAccuracy: number;
      /** With validation images: test accuracy of the weights that were best on them. */
      readonly bestTestAccuracy?: number | undefined;
      readonly examplesPerSecond: number;
      readonly durationMs: number;
      readonly rssBytes?: number;
    };

/** The events of one kind. */
export type EventOf<Kind extends TrainEvent['kind']> = Extract<TrainEvent, { kind: Kind }>;

/** Is told each event of a run, while the run goes on. */
export type TrainListener = (event: TrainEvent) => void;
