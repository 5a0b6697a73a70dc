import { ConfigError } from '../train/config.ts';
import type { TrainEvent, TrainListener } from '../train/events.ts';
import type { DataOptions } from '../train/new-run.ts';
import { PauseGate } from '../train/pause-gate.ts';
import type { Overrides } from '../train/recipes.ts';
import { RUN_SETTING_NAMES, type SettingName } from '../train/settings/table.ts';
import type { EngineOptions } from './engine-source.ts';
import type { TrainedNetwork } from './network.ts';
import { said } from './said.ts';
import { requireSettings } from './settings.ts';

/** Settings of a run (docs/settings.md). Defaults come from `recipe` and depend on the data. */
export interface FitSettings extends Omit<Overrides, 'model' | 'data'>, DataOptions {
  /** A folder for checkpoints, log and curves, as `train --out`. Default: no files are written. Node only. */
  readonly out?: string | undefined;
  /**
   * Limit for the memory of the whole process in bytes. Results that do not fit are recomputed. Default: free
   * memory. Node only.
   */
  readonly memoryLimit?: number | undefined;
}

export interface FitOptions extends FitSettings, EngineOptions {
  /**
   * Stops the training after the current step; `fit` then resolves with `finished: false`. If images are still
   * being read, `fit` rejects.
   */
  readonly signal?: AbortSignal | undefined;
  /** Called for each step and epoch. If it throws, the training ends and `fit` rejects with that error. */
  readonly onEvent?: ((event: TrainEvent) => unknown) | undefined;
  /** Pauses the training between two steps. */
  readonly pause?: PauseGate | undefined;
  /** Initial weights: a file or its bytes, or the folder of a run. */
  readonly from?: string | Uint8Array | undefined;
  /** A run to resume: a network from `fit` or `loadRun` or, in Node, the folder of a run. */
  readonly resume?: string | TrainedNetwork | undefined;
}

const MORE_SETTINGS = ['channels', 'testShare', 'strict', 'out', 'memoryLimit'] as const;
const NAMES: readonly SettingName[] = [
  ...RUN_SETTING_NAMES.filter((name) => name !== 'model' && name !== 'data'),
  ...MORE_SETTINGS.filter((name) => !RUN_SETTING_NAMES.some((each) => each === name)),
];
const OTHERS = ['signal', 'onEvent', 'from', 'resume', 'engine', 'threads', 'pause'];

/** @throws ConfigError */
export function requirePause(pause: unknown): PauseGate | undefined {
  if (pause === undefined || pause instanceof PauseGate) return pause;
  throw new ConfigError(`\`pause\` is ${said(pause)}: expected a PauseGate`);
}

/** Checks the settings. @throws ConfigError with the name of the unknown option or invalid value. */
export function requireFitSettings(given: object): FitSettings {
  return requireSettings('train', NAMES, given, OTHERS) as FitSettings;
}

/** Collects errors that a listener's promises rejected with. */
export interface ListenerFailure {
  /** Waits for pending promises; rejects with the first error. */
  throwIfAny(): Promise<void>;
}

/** A listener whose errors end the training. Rejected promises end it at the next event. */
export function listenerOf(onEvent: FitOptions['onEvent']): {
  readonly listener: TrainListener;
  readonly failure: ListenerFailure;
} {
  if (onEvent !== undefined && typeof onEvent !== 'function') {
    throw new ConfigError(`\`onEvent\` is ${said(onEvent)}: expected a function of an event`);
  }
  const failures: unknown[] = [];
  let atWork: Promise<unknown> = Promise.resolve();
  const requireNone = () => {
    if (failures.length > 0) throw failures[0];
  };
  return {
    failure: { throwIfAny: () => atWork.then(requireNone) },
    listener(event) {
      requireNone();
      const answer = onEvent?.(event);
      if (!(answer instanceof Promise)) return;
      const handled = answer.catch((error: unknown) => failures.push(error));
      atWork = atWork.then(() => handled);
    },
  };
}
