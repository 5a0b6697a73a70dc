import type { TrainTest } from '../data/dataset.ts';
import { DEFAULT_TEST_SHARE, imageFolderOf } from '../data/dataset-names.ts';
import type { ImageFolderOptions } from '../data/image-folder/open.ts';
import type { Augmentation } from '../data/transforms/augment.ts';
import { type NormalizationName, normalizationOf } from '../data/transforms/normalize.ts';
import { type RunConfig, requireValidation, runConfigSchema } from './config.ts';
import { choosePhotosSettings } from './photos.ts';
import { type ResolvedRecipe, requireConsistent } from './recipes.ts';
import { withClasses } from './run-model.ts';
import { startedFrom, type WeightsSource } from './weights-source.ts';

/** How `train` loads and transforms images. */
export interface DataOptions {
  readonly augment?: readonly Augmentation[] | undefined;
  readonly normalize?: NormalizationName | undefined;
  readonly channels?: 1 | 3 | undefined;
  readonly testShare?: number | undefined;
  readonly strict?: boolean | undefined;
  readonly followLinks?: true | undefined;
}

/** Options for reading a folder of images: those of a new run, or those stored in an existing run. */
export function imageOptions(
  given: DataOptions,
  {
    size,
    seed,
    testShare,
    followLinks,
  }: Pick<RunConfig, 'seed' | 'testShare' | 'followLinks'> & { readonly size?: number | undefined },
  channels: number | undefined = given.channels,
): Partial<ImageFolderOptions> & { readonly followLinks: boolean } {
  return {
    ...(size !== undefined && { size }),
    seed,
    testShare: testShare ?? given.testShare ?? DEFAULT_TEST_SHARE,
    strict: given.strict ?? false,
    followLinks: (followLinks ?? given.followLinks) === true,
    ...(channels !== undefined && { channels }),
  };
}

/** SHA-256 hashes that identify the data, as far as this platform computes them. */
export interface DataHashes {
  /** Hash of all images and labels. */
  readonly data?: string | undefined;
  /** Hash of a folder's test images. */
  readonly test?: string | undefined;
  /** Hash of validation images provided by a folder. */
  readonly validation?: string | undefined;
}

/**
 * Completes a recipe with values that depend on the data.
 * @param from the weights that the run starts from. @throws DataError, ConfigError
 */
export function newRunConfig(
  recipe: ResolvedRecipe,
  data: TrainTest,
  hashes: DataHashes,
  from?: WeightsSource,
): RunConfig {
  const { augment = [], normalize = 'none', network, ...asked } = recipe;
  // Validation images provided by the folder replace a fraction of the training images.
  const settings = { ...asked, validate: data.validation ? undefined : asked.validate };
  requireValidation(settings.patience, settings.validate !== undefined || data.validation !== undefined);
  const chosen = recipe.recipe === 'photos' ? choosePhotosSettings(settings, data.train) : {};
  requireConsistent({ ...settings, ...chosen });
  const classes = recipe.classes ?? data.train.classNames.length;
  const normalization = normalizationOf(normalize, data.train, recipe.limit);
  const [mean, std] = [[...(normalization?.mean ?? [])], [...(normalization?.std ?? [])]];
  return runConfigSchema.parse({
    ...settings,
    ...chosen,
    classes,
    ...(hashes.data !== undefined && { dataSha256: hashes.data }),
    ...(network && { network: withClasses(network, classes) }),
    ...(from && { startedFrom: startedFrom(from) }),
    classNames: [...data.train.classNames],
    ...(imageFolderOf(recipe.data) !== undefined && {
      testShare: recipe.testShare ?? DEFAULT_TEST_SHARE,
      testSha256: hashes.test,
      ...(hashes.validation !== undefined && { validationSha256: hashes.validation }),
    }),
    ...((augment.length > 0 || normalization) && {
      transforms: {
        augment: [...augment],
        normalize,
        ...(normalization && { normalization: { mean, std } }),
      },
    }),
  });
}
