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

/** Settings of a run, by the names of docs/settings.md; what is not given comes from `recipe`, or suits the data. */
export interface FitSettings extends Omit<Overrides, 'model' | 'data'>, DataOptions {
  /** A folder for checkpoints, log and curves, as of the command `train`. Default: all stays in memory. Node only. */
  readonly out?: string | undefined;
  /** Bytes that the whole process may take: results that do not fit are computed again. Default: what is free. Node only. */
  readonly memoryLimit?: number | undefined;
}

export interface FitOptions extends FitSettings, EngineOptions {
  /** Ends the training after the step at work: `fit` resolves, with `finished: false`. While images are still read it rejects. */
  readonly signal?: AbortSignal | undefined;
  /** Told of each step and epoch. What it throws ends the training, and `fit` rejects with it. */
  readonly onEvent?: ((event: TrainEvent) => unknown) | undefined;
  /** Holds the training back between two steps. */
  readonly pause?: PauseGate | undefined;
  /** Weights to begin with: a file or its bytes, the folder of a run. */
  readonly from?: string | Uint8Array | undefined;
  /** A run to go on with, which `fit` or `loadRun` gave; in Node also its folder. */
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

/** @throws ConfigError naming the option that is none, or whose value cannot be. */
export function requireFitSettings(given: object): FitSettings {
  return requireSettings('train', NAMES, given, OTHERS) as FitSettings;
}

/** What a listener has thrown where nobody could catch it: in a promise. */
export interface ListenerFailure {
  /** Waits for what is at work. */
  throwIfAny(): Promise<void>;
}

/** A listener of events whose failures end the training, those of promises with the next event. */
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
