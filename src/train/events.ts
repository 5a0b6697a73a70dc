import type { RunConfig } from './config.ts';

/** Epochs are fractional within an epoch; losses and accuracies are means since the start of the epoch. */
export interface CurvePoint {
  readonly epoch: number;
  readonly trainLoss?: number | undefined;
  readonly trainAccuracy?: number | undefined;
  readonly testAccuracy?: number | undefined;
  readonly validationAccuracy?: number | undefined;
  readonly learningRate?: number | undefined;
}

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

/** Is told each event of a run, while the run goes on. */
export type TrainListener = (event: TrainEvent) => void;
