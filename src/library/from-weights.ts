import type { NormalizationName } from '../data/transforms/normalize.ts';
import type { Model } from '../model/module.ts';
import { imageSizeOf, MODEL_NAMES_TEXT } from '../model/zoo.ts';
import { ConfigError } from '../train/config.ts';
import type { ImportRequest } from '../train/import-weights.ts';
import { whyNoModel } from '../train/model-schema.ts';
import { said } from './said.ts';
import { requireSettings } from './settings.ts';

/** What a file of weights does not say of its network. */
export interface WeightsOptions {
  /** Channels of the images. Default: the file's. */
  readonly channels?: number | undefined;
  /** Another number than the file's begins a new classifier. Default: the file's. */
  readonly classes?: number | undefined;
  /** Height and width of the images in pixels. Default: the file's, else the network's own. */
  readonly size?: number | undefined;
  /** `imagenet` of torchvision's pretrained networks. Default: as the file says, else none. */
  readonly normalize?: NormalizationName | undefined;
  /** A name for each class. Default: the file's, else numbers. */
  readonly classNames?: readonly string[] | undefined;
  /** Of weights that the file does not have. Default: 0. */
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

/** @throws ConfigError unless it is a name of the zoo, or a network of modules that can be described. */
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
