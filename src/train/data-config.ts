import { z } from 'zod';
import type { Dataset } from '../data/dataset.ts';
import { Loader, type LoaderOptions } from '../data/loader.ts';
import { AUGMENTATIONS } from '../data/transforms/augment.ts';
import { NORMALIZATIONS } from '../data/transforms/normalize.ts';
import type { RunConfig } from './config.ts';

const perChannel = z.array(z.number()).min(1);

/** What is done to images after they are resized; a run without it does nothing. */
export const transformsSchema = z.strictObject({
  /** To training images only. */
  augment: z.array(z.enum(AUGMENTATIONS)),
  normalize: z.enum(NORMALIZATIONS),
  /** The numbers themselves, so that no data is needed to predict; there unless `normalize` is none. */
  normalization: z
    .strictObject({ mean: perChannel, std: z.array(z.number().positive()).min(1) })
    .refine(({ mean, std }) => mean.length === std.length, 'mean and std differ in their channels')
    .optional(),
});

export type Transforms = z.infer<typeof transformsSchema>;

/** Batches of the images that a run trains on. */
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

/** A loader's options for images that a network is tested on or asked about: never augmented. */
export function testTransforms({
  transforms,
}: {
  readonly transforms?: Transforms | undefined;
}): Pick<LoaderOptions, 'normalization'> {
  return transforms?.normalization ? { normalization: transforms.normalization } : {};
}
