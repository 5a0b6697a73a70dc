import type { Compiled } from '../compile.ts';
import type { TrainTest } from '../data/dataset.ts';
import type { Engine, Session } from '../engine/engine.ts';
import type { Model } from '../model/module.ts';
import type { StateTensor } from '../plan/compiled-network.ts';
import type { Checkpoint, LoadedCheckpoint, RunState, StateNumbers } from './checkpoint.ts';
import type { RunConfig } from './config.ts';
import type { TrainListener } from './events.ts';
import type { PauseGate } from './pause-gate.ts';

/** Storage of a run's checkpoints. */
export interface RunStore {
  /** File name for messages and events. */
  nameOf(which: 'last' | 'best'): string;
  /** Atomic: if it rejects, the previous checkpoint is still there. */
  save(
    which: 'last' | 'best',
    checkpoint: Checkpoint,
    shapes: ReadonlyMap<string, StateTensor>,
  ): Promise<void>;
  load(which: 'last' | 'best'): Promise<LoadedCheckpoint>;
}

/** All that a training run needs. */
export interface TrainingRun {
  readonly config: RunConfig;
  readonly model: Model;
  readonly data: TrainTest;
  readonly compiled: Compiled;
  readonly engine: Engine;
  readonly session: Session;
  readonly store: RunStore;
  readonly listener: TrainListener;
  /** Stops the run after the steps that were begun, with a checkpoint. */
  readonly signal?: AbortSignal;
  readonly resumeFrom?: LoadedCheckpoint;
  /** Weights to start from, by name; others have the model's initial values. */
  readonly startFrom?: StateNumbers;
  /** Holds the run back between two steps. */
  readonly pause?: PauseGate | undefined;
  /** Longest time between checkpoints. */
  readonly checkpointEveryMs?: number;
  /** Current memory of the process, on platforms that report it. */
  readonly memoryBytes?: () => number;
}

/** How a training run ended: `finished` is false where its signal stopped it. */
export interface TrainingResult {
  readonly finished: boolean;
  readonly run: RunState;
}
