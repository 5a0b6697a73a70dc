import { z } from 'zod';
import type { Dataset } from '../data/dataset.ts';
import { Loader, type LoaderOptions } from '../data/loader.ts';
import { AUGMENTATIONS } from '../data/transforms/augment.ts';
import { NORMALIZATIONS } from '../data/transforms/normalize.ts';
import type { RunConfig } from './config.ts';

const perChannel = z.array(z.number()).min(1);

/** Transforms of images after resizing; absent: none. */
export const transformsSchema = z.strictObject({
  /** Applied to training images only. */
  augment: z.array(z.enum(AUGMENTATIONS)),
  normalize: z.enum(NORMALIZATIONS),
  /** The values themselves, so that prediction needs no data set; absent only if `normalize` is none. */
  normalization: z
    .strictObject({ mean: perChannel, std: z.array(z.number().positive()).min(1) })
    .refine(({ mean, std }) => mean.length === std.length, 'mean and std differ in their channels')
    .optional(),
});

export type Transforms = z.infer<typeof transformsSchema>;

/** Batches of the training images of a run. */
export function trainingLoader(
  train: Dataset,
  config: Pick<RunConfig, 'size' | 'batch' | 'limit' | 'balance' | 'transforms'>,
): Loader {
  const { size, batch, limit, balance, transforms } = config;
  return new Loader(train, {
    size: [size, size],
    ...{ batch, balance },
    ...(limit !== undefined && { limit }),
    ...testTransforms({ transforms }),
    augment: transforms?.augment ?? [],
  });
}

/** Loader options for test and prediction images: never augmented. */
export function testTransforms({
  transforms,
}: {
  readonly transforms?: Transforms | undefined;
}): Pick<LoaderOptions, 'normalization'> {
  return transforms?.normalization ? { normalization: transforms.normalization } : {};
}
