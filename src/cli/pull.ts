import { statSync } from 'node:fs';
import { Argument, type Command } from 'commander';
import { z } from 'zod';
import { IMAGENET_CLASSES } from '../data/imagenet-classes.ts';
import { PRETRAINED_NAMES } from '../io/pretrained.ts';
import { pullWeights } from '../node/pulled-weights.ts';
import { counted } from '../tensor/counted.ts';
import { formatBytes } from './format.ts';
import { commandOf } from './options.ts';
import { showData } from './progress.ts';
import { print, printJson } from './terminal.ts';

interface PullOptions {
  readonly url?: string;
  readonly json?: boolean;
}

export function pullCommand(): Command {
  return commandOf('pull', {
    description:
      "download, check and cache torchvision's ImageNet weights for train --from and import; DENSOR_WEIGHTS_URL " +
      'is the URL of a mirror',
    arguments: [new Argument('<network>', `one of ${PRETRAINED_NAMES.join(', ')}`)],
    own: {
      url: {
        schema: z.string().min(1),
        value: 'address',
        help: 'URL of other weights for this network; the file name must end in the first 8 hex digits of its SHA-256 (net-a639ec97.pth)',
        unset: "PyTorch's",
      },
    },
    examples: ['pull densenet121', 'pull resnet50 --json'],
  }).action(runPull);
}

async function runPull(network: string, { url, json }: PullOptions): Promise<void> {
  const { name, path, sha256, url: from, isNew } = await pullWeights(network, showData(), { url });
  const bytes = statSync(path).size;
  if (json) {
    const result = { model: name, file: path, sha256, bytes, url: from, downloaded: isNew };
    printJson(result);
    return;
  }
  const lines = [
    `${name}: weights for the ${counted(IMAGENET_CLASSES.length, 'class', 'classes')} of ImageNet, ${formatBytes(bytes)}, ` +
      `${isNew ? 'downloaded' : 'already cached'}: ${path}`,
    `SHA-256 ${sha256}`,
    `fine-tune them on your own images: densor train photos/ --from ${name}`,
    `use them without training: densor import ${name} --out runs/${name}, then densor predict runs/${name} IMAGE`,
  ];
  print(lines);
}
