import type { Model, NamedModule } from '../model/module.ts';
import { imageSizeOf, modelByName } from '../model/zoo.ts';
import { ArgumentError } from '../tensor/argument.ts';
import { counted } from '../tensor/counted.ts';
import { ConfigError, type RunConfig } from './config.ts';

/**
 * The network of a run: its own description, or the zoo network of that name.
 * @param channels of the images.
 * @throws ConfigError when the network does not exist, expects other images, or has no dropout although it is set.
 */
export function modelOf(
  { model: name, network, classes, dropout }: Pick<RunConfig, 'model' | 'network' | 'classes' | 'dropout'>,
  channels: number,
): Model {
  if (network) return ownModel(network, { channels, classes, dropout });
  try {
    return modelByName(name, { channels, classes, ...(dropout !== undefined && { dropout }) });
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    const setting = imageSizeOf(name) === undefined ? `\`model\` ${name}` : `\`dropout\` ${dropout}`;
    throw new ConfigError(`${setting}: ${error.message}`);
  }
}

function ownModel(
  network: Model,
  { channels, classes, dropout }: { channels: number; classes: number; dropout: number | undefined },
): Model {
  if (dropout !== undefined) {
    throw new ConfigError(
      `\`dropout\` is for networks by name: ${network.name} is one of modules, which have rates of their own`,
    );
  }
  if (network.channels !== channels) {
    throw new ConfigError(
      `the network ${network.name} reads images of ${counted(network.channels, 'channel')}, the data's have ${channels}`,
    );
  }
  return withClasses(network, classes);
}

/** A network with another number of classes: its last layer is replaced. @throws ConfigError */
export function withClasses(model: Model, classes: number): Model {
  if (model.classes === classes) return model;
  const { children } = model.root;
  const [name, last] = children.at(-1) ?? [];
  if (last?.kind !== 'linear') {
    throw new ConfigError(
      `the network ${model.name} is for ${counted(model.classes, 'class', 'classes')}, not ${classes}, and does not end in a linear layer that could be replaced`,
    );
  }
  const head: NamedModule = [name!, { ...last, outFeatures: classes }];
  return { ...model, classes, root: { ...model.root, children: [...children.slice(0, -1), head] } };
}
