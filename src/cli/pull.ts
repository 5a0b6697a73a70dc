import { statSync } from 'node:fs';
import { IMAGENET_CLASSES } from '../data/imagenet-classes.ts';
import { pullWeights } from '../node/pulled-weights.ts';
import { counted } from '../tensor/counted.ts';
import { formatBytes } from './format.ts';
import { showData } from './progress.ts';
import { print, printJson } from './terminal.ts';

interface PullOptions {
  readonly url?: string;
  readonly json?: boolean;
}

export async function runPull(network: string, { url, json }: PullOptions): Promise<void> {
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
