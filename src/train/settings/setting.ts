import type { z } from 'zod';

/** The commands, in the order in which help lists them. */
export const COMMAND_NAMES = [
  'train',
  'lr-find',
  'compare',
  'evaluate',
  'predict',
  'pull',
  'import',
  'export',
  'summary',
  'bench',
  'profile',
  'verify',
] as const;
export type CommandName = (typeof COMMAND_NAMES)[number];

/** Commands that take what is not given from a recipe. */
export const RECIPE_COMMANDS: readonly CommandName[] = ['train', 'lr-find', 'compare'];

/** Headings of help and of the page's form, in their order. */
export const GROUPS = ['The run', 'Images', 'How it learns', 'What computes'] as const;
export type Group = (typeof GROUPS)[number];

/**
 * What a resumed run does with a setting that is given again:
 * - `same`: it must be what the run has;
 * - `changeable`: the run takes the new one;
 * - `again`: no checkpoint holds it, so the command that resumes the run repeats it.
 */
export type OnResume = 'same' | 'changeable' | 'again';

/** How a setting differs in one command from what it is elsewhere. */
export interface Variation {
  readonly help?: string;
  /** Replaces `value` and `given`. */
  readonly value?: string;
  readonly given?: z.ZodType;
  /** The command's own default, of a command without recipes. */
  readonly default?: unknown;
  /** In words, what holds where nothing is given: then there is no default. */
  readonly unset?: string;
  readonly required?: true;
}

/** What the user may set. The text of a flag is the key in kebab case. */
export interface Setting {
  /** Of the value; of a field of `RunConfig`, exactly what a checkpoint may hold, optional or with a default. */
  readonly schema: z.ZodType;
  /** What may be asked for, where that is narrower than what may be stored. */
  readonly given?: z.ZodType;
  /** Stands for the value in help: `rate` of `--lr <rate>`. A switch has none. */
  readonly value?: string;
  /** A number of bytes, written as a size of memory (`4GiB`). */
  readonly unit?: 'bytes';
  readonly help: string;
  readonly group: Group;
  /** The notes' value, where `schema` has no default. A recipe may replace it. */
  readonly notes?: unknown;
  /** Of a setting that no recipe has. */
  readonly default?: unknown;
  /** In words, what holds where nothing is given. */
  readonly unset?: string;
  readonly commands: { readonly [Name in CommandName]?: Variation };
  readonly onResume?: OnResume;
  /** Applies only to data sets that are folders of images. */
  readonly folderOnly?: true;
  /** False of a setting that an experiment file says otherwise. */
  readonly inExperiment?: false;
}

/** A field of `RunConfig` that nobody sets: the run writes down what it has found. */
export interface Recorded {
  readonly schema: z.ZodType;
  readonly recorded: string;
}
