import { densenet } from './densenet.ts';
import type { Model } from './module.ts';

/** What a user or the data set may override. */
export interface ModelOverrides {
  readonly channels?: number;
  readonly classes?: number;
}

const MODELS: Readonly<Record<string, (overrides: ModelOverrides) => Model>> = {
  notes: (overrides) => densenet({ name: 'notes', ...overrides }),
};

export const MODEL_NAMES: readonly string[] = Object.keys(MODELS);

/** A network by the name the command line uses; undefined when there is none. */
export function modelByName(name: string, overrides: ModelOverrides = {}): Model | undefined {
  return Object.hasOwn(MODELS, name) ? MODELS[name]!(overrides) : undefined;
}
