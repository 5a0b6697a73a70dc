import type { Compiled } from '../compile.ts';
import type { TrainTest } from '../data/dataset.ts';
import type { Engine, Session } from '../engine/engine.ts';
import type { Model } from '../model/module.ts';
import type { StateTensor } from '../plan/compiled-network.ts';
import type { Checkpoint, LoadedCheckpoint, RunState, StateNumbers } from './checkpoint.ts';
import type { RunConfig } from './config.ts';
import type { TrainListener } from './events.ts';

/** Where a run's checkpoints go. */
export interface RunStore {
  /** For messages and events. */
  nameOf(which: 'last' | 'best'): string;
  /** All or nothing: when it rejects, the one before is still there. */
  save(
    which: 'last' | 'best',
    checkpoint: Checkpoint,
    shapes: ReadonlyMap<string, StateTensor>,
  ): Promise<void>;
  load(which: 'last' | 'best'): Promise<LoadedCheckpoint>;
}

export interface TrainingRun {
  readonly config: RunConfig;
  readonly model: Model;
  readonly data: TrainTest;
  readonly compiled: Compiled;
  readonly engine: Engine;
  readonly session: Session;
  readonly store: RunStore;
  readonly listener: TrainListener;
  /** Ends the run after the step at work, with a checkpoint. */
  readonly signal?: AbortSignal;
  readonly resumeFrom?: LoadedCheckpoint;
  /** Weights to begin with, by name; what is not there begins as the model says. */
  readonly startFrom?: StateNumbers;
  /** Longest time between checkpoints. */
  readonly checkpointEveryMs?: number;
  /** What the process takes now, where that can be asked. */
  readonly memoryBytes?: () => number;
}

export interface TrainingResult {
  readonly finished: boolean;
  readonly run: RunState;
}
