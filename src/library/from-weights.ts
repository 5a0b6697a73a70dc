import type { NormalizationName } from '../data/transforms/normalize.ts';
import type { Model } from '../model/module.ts';
import { imageSizeOf, MODEL_NAMES_TEXT } from '../model/zoo.ts';
import { ConfigError } from '../train/config.ts';
import type { ImportRequest } from '../train/import-weights.ts';
import { whyNoModel } from '../train/model-schema.ts';
import { said } from './said.ts';
import { requireSettings } from './settings.ts';

/** Properties of a network that its weight file may not contain. */
export interface WeightsOptions {
  /** Channels of the images. Default: from the file. */
  readonly channels?: number | undefined;
  /**
   * Number of classes. If it differs from the file, the classifier is newly initialized. Default: from the file.
   */
  readonly classes?: number | undefined;
  /** Height and width of the images in pixels. Default: from the file, otherwise the network's default. */
  readonly size?: number | undefined;
  /** Normalization; `imagenet` for torchvision's pretrained networks. Default: from the file, otherwise none. */
  readonly normalize?: NormalizationName | undefined;
  /** One name per class. Default: from the file, otherwise numbers. */
  readonly classNames?: readonly string[] | undefined;
  /** Seed for the initialization of weights that are not in the file. Default: 0. */
  readonly seed?: number | undefined;
}

const SETTINGS = ['channels', 'classes', 'size', 'normalize', 'seed'] as const;

/** @throws ConfigError */
export function importRequest(model: string | Model, options: WeightsOptions): ImportRequest {
  const { classNames, ...rest } = options;
  const {
    channels,
    classes,
    size,
    normalize,
    seed = 0,
  } = requireSettings('import', SETTINGS, rest, ['engine', 'threads']) as Omit<WeightsOptions, 'classNames'>;
  return {
    model: requireModel(model),
    ...{ size, normalize, classNames, seed },
    ...(channels !== undefined && { channels }),
    ...(classes !== undefined && { classes }),
  };
}

/** @throws ConfigError unless it is a network name, or a module description. */
export function requireModel(model: unknown): string | Model {
  if (typeof model === 'string') {
    if (imageSizeOf(model) !== undefined) return model;
    throw new ConfigError(`there is no network ${JSON.stringify(model)}: expected ${MODEL_NAMES_TEXT}`);
  }
  const why = typeof model === 'object' && model !== null ? whyNoModel(model) : `${said(model)}`;
  if (why === undefined) return model as Model;
  const { name } = (model ?? {}) as Partial<Model>;
  throw new ConfigError(
    `the network${typeof name === 'string' ? ` ${name}` : ''} cannot be described, so no checkpoint could hold it: ${why}; ` +
      'expected a name, or { name, channels, classes, root } with root a `sequential` of modules (conv2d, batchNorm, denseBlock, …), which are data without functions',
  );
}
