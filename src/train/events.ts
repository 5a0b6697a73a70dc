import type { RunConfig } from './config.ts';

/** Epochs are fractional within an epoch; losses and accuracies are means since the epoch began. */
export interface CurvePoint {
  readonly epoch: number;
  readonly trainLoss?: number | undefined;
  readonly trainAccuracy?: number | undefined;
  readonly testAccuracy?: number | undefined;
  readonly validationAccuracy?: number | undefined;
  readonly learningRate?: number | undefined;
}

/** What a training run tells its listeners: the progress bar, the log, the curves, tests. All times in ms or s as named. */
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
      /** Held out of the training images, or a folder's own. */
      readonly validationImages: number;
      readonly plannedPeakBytes: number;
      /** Steps already done by the run that is resumed; 0 for a new one. */
      readonly resumedAtStep: number;
    }
  | {
      readonly kind: 'step';
      /** From 0. */
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
      /** Means since the epoch began, as d2l's train_ch6 counts them. */
      readonly trainLoss: number;
      readonly trainAccuracy: number;
      readonly stepMs: number;
      /** Training steps only, since the run began. */
      readonly examplesPerSecond: number;
      /** Left until the run ends, evaluation included. */
      readonly etaMs: number;
      readonly rssBytes?: number;
    }
  /** Of a folder of images: what was found, and what could not be read. */
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
  /** A point of the curves, five times an epoch, and after it with the test accuracy. */
  | { readonly kind: 'point'; readonly point: CurvePoint }
  | { readonly kind: 'evaluating'; readonly epoch: number; readonly done: number; readonly total: number }
  | {
      readonly kind: 'epoch';
      readonly epoch: number;
      readonly trainLoss: number;
      readonly trainAccuracy: number;
      /** One of the two: of the validation images where there are such. */
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
      /** With validation images: that of the weights that were best on those. */
      readonly bestTestAccuracy?: number | undefined;
      readonly examplesPerSecond: number;
      readonly durationMs: number;
      readonly rssBytes?: number;
    };

export type TrainListener = (event: TrainEvent) => void;
