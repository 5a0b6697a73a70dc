import type { TrainEvent } from '../train/events.ts';

export { PLAN_BUFFER, PROFILE_ROW } from '../train/events.ts';

/** Whether and how a run is at work. `lost`: its process is gone and left no word; `preparing`: no step yet. */
export const PHASES = [
  'preparing',
  'running',
  'evaluating',
  'paused',
  'stopped',
  'failed',
  'done',
  'lost',
] as const;
export type Phase = (typeof PHASES)[number];

/** What is kept of each step, as float32; NaN where a run does not have it. */
export const STEP_COLUMNS = [
  'loss',
  'trainLoss',
  'trainAccuracy',
  'learningRate',
  'stepMs',
  'rssBytes',
] as const;
export type StepColumn = (typeof STEP_COLUMNS)[number];

export type StepEvent = Extract<TrainEvent, { kind: 'step' }>;
export type OtherEvent = Exclude<TrainEvent, { kind: 'step' }>;

/** What a source says of a run. */
export type RunNews =
  /** Begins a generation: whatever was known of the run before is forgotten. */
  | { readonly kind: 'hello'; readonly phase: Phase; readonly steps: number }
  /** Steps in a row, the first of which has the number `from`; each column is base64 of little-endian float32. */
  | {
      readonly kind: 'steps';
      readonly from: number;
      readonly count: number;
      readonly columns: Readonly<Record<StepColumn, string>>;
    }
  | { readonly kind: 'event'; readonly event: OtherEvent; readonly time?: string }
  | { readonly kind: 'phase'; readonly phase: Phase; readonly message?: string };

/**
 * News of a run on the wire, a line of JSON each. `seq` grows from message to message: of a log it is the offset behind
 * the last byte that the message tells of, so that a reader goes on with `after=seq`.
 */
export type RunMessage = { readonly v: 1; readonly run: string; readonly seq: number } & RunNews;

/** What a page may ask of a run that it is allowed to steer. */
export const COMMANDS = ['stop', 'pause', 'resume'] as const;
export type Command = { readonly kind: (typeof COMMANDS)[number] };

/** A run in the list of runs. */
export interface RunSummary {
  readonly id: string;
  readonly name: string;
  readonly phase: Phase;
  readonly model?: string | undefined;
  readonly data?: string | undefined;
  readonly epochs?: number | undefined;
  readonly epoch?: number | undefined;
  readonly trainLoss?: number | undefined;
  /** Latest accuracy on the images that choose the best epoch, and the best so far. */
  readonly accuracy?: number | undefined;
  readonly best?: number | undefined;
  readonly etaMs?: number | undefined;
  readonly bytes?: number | undefined;
  readonly startedAt?: string | undefined;
}
