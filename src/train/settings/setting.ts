import type { z } from 'zod';

/** The commands, in the order in which help lists them. */
export const COMMAND_NAMES = [
  'train',
  'ui',
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
/** A command of the command line. */
export type CommandName = (typeof COMMAND_NAMES)[number];

/** Commands whose defaults come from a recipe. */
export const RECIPE_COMMANDS: readonly CommandName[] = ['train', 'lr-find', 'compare'];

/** Before the value of the notes, in the default of a setting for which recipes differ. */
export const BY_RECIPE = 'set by the recipe; notes: ';

/** Headings of help and of the page's form, in their order. */
export const GROUPS = ['Run', 'Images', 'Training', 'Compute'] as const;
export type Group = (typeof GROUPS)[number];

/**
 * The effect of a setting given to a resumed run:
 * - `same`: it must equal the value of the run;
 * - `changeable`: it replaces the value of the run;
 * - `again`: checkpoints do not store it, so the command that resumes the run repeats it.
 */
export type OnResume = 'same' | 'changeable' | 'again';

/** How a setting differs in one command. */
export interface Variation {
  readonly help?: string;
  /** Replaces `value` and `given`. */
  readonly value?: string;
  readonly given?: z.ZodType;
  /** The default in this command, for a command without recipes. */
  readonly default?: unknown;
  /** Describes the behavior when the setting is not given and there is no default value. */
  readonly unset?: string;
  readonly required?: true;
}

/** A setting that the user may change. Its flag is the key in kebab case. */
export interface Setting {
  /** Schema of the value; for a field of `RunConfig`, the schema of checkpoints, optional or with a default. */
  readonly schema: z.ZodType;
  /** Schema of user input, if it is narrower than the schema of stored values. */
  readonly given?: z.ZodType;
  /** Placeholder of the value in help: `rate` in `--lr <rate>`. Undefined for a switch. */
  readonly value?: string;
  /** The value is a number of bytes, written as a memory size (`4GiB`). */
  readonly unit?: 'bytes';
  readonly help: string;
  readonly group: Group;
  /** The value of the recipe `notes`, if `schema` has no default. Other recipes may replace it. */
  readonly notes?: unknown;
  /** Default of a setting that is not part of recipes. */
  readonly default?: unknown;
  /** Describes the behavior when the setting is not given. */
  readonly unset?: string;
  readonly commands: { readonly [Name in CommandName]?: Variation };
  readonly onResume?: OnResume;
  /** Applies only to data sets that are folders of images. */
  readonly folderOnly?: true;
  /** False for a setting that an experiment file specifies in another way. */
  readonly inExperiment?: false;
}

/** A field of `RunConfig` that users cannot set: the run records it. */
export interface Recorded {
  readonly schema: z.ZodType;
  readonly recorded: string;
}
