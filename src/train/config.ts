import { z } from 'zod';
import { dataFields } from './data-config.ts';

/** What decides the numbers of a run, fully resolved; stored in every checkpoint. (Threads change no bit.) */
export const runConfigSchema = z.strictObject({
  recipe: z.literal('notes'),
  model: z.string(),
  /** Absent where weights were imported: the network has seen no data yet, and what is said of training are defaults. */
  data: z.string().optional(),
  classes: z.int().positive(),
  /** Images are resized to size × size pixels. */
  size: z.int().positive(),
  batch: z.int().positive(),
  epochs: z.int().positive(),
  lr: z.number().positive(),
  seed: z.int().nonnegative(),
  precision: z.literal('f32'),
  /** Train on the first images only. */
  limit: z.int().positive().optional(),
  /** Of the images and labels, so that a run does not go on with others; older checkpoints lack it. */
  dataSha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  /** The file whose weights the run began with, where it did not begin with random ones. */
  startedFrom: z.strictObject({ file: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/) }).optional(),
  ...dataFields,
});

export type RunConfig = z.infer<typeof runConfigSchema>;
