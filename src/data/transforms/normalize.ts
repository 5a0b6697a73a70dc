import { DataError, type Dataset } from '../dataset.ts';
import { imageReader } from '../pixels.ts';

/** How images are normalised: not at all, by what the training images have, or by ImageNet's numbers. */
export const NORMALIZATIONS = ['none', 'measured', 'imagenet'] as const;
export type NormalizationName = (typeof NORMALIZATIONS)[number];

/** Per channel, of values in [0, 1]. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** What torchvision's pretrained networks were trained with. */
const IMAGENET: Normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/**
 * The numbers to normalise with, measured on the training images where that is asked for.
 * @param limit only the first images count. @throws DataError when ImageNet's three do not fit the channels.
 */
export function normalizationOf(
  name: NormalizationName,
  train: Dataset,
  limit = train.count,
): Normalization | undefined {
  if (name === 'measured') return measure(train, Math.min(limit, train.count));
  return fixedNormalization(name, train.channels, ': use `normalize` measured, or `channels` 3');
}

/** What needs no images to be measured on. @throws DataError as `normalizationOf`. @param remedy what to do then. */
export function fixedNormalization(
  name: 'none' | 'imagenet',
  channels: number,
  remedy = '',
): Normalization | undefined {
  if (name === 'none') return undefined;
  if (channels === IMAGENET.mean.length) return IMAGENET;
  throw new DataError(`\`normalize\` imagenet is for images of 3 channels, these have ${channels}${remedy}`);
}

/** `less 0.286, divided by 0.353`, for each channel. */
export function meansText({ mean, std }: Normalization): string {
  const list = (numbers: readonly number[]) => numbers.map((number) => Number(number.toFixed(3))).join(', ');
  return `less ${list(mean)}, divided by ${list(std)}`;
}

/** Exact: from how often each byte occurs. Where a channel is the same everywhere, it is divided by 1/255. */
function measure(dataset: Dataset, count: number): Normalization {
  const { channels } = dataset;
  const read = imageReader(dataset);
  const counts = Array.from({ length: channels }, () => new Float64Array(256));
  for (let image = 0; image < count; image++) {
    const bytes = read(image);
    for (let i = 0; i < bytes.length; i += channels) {
      for (let c = 0; c < channels; c++) counts[c]![bytes[i + c]!]!++;
    }
  }
  const moments = counts.map((of) => {
    const total = of.reduce((sum, n) => sum + n, 0);
    const mean = of.reduce((sum, n, byte) => sum + n * (byte / 255), 0) / total;
    const variance = of.reduce((sum, n, byte) => sum + n * (byte / 255 - mean) ** 2, 0) / total;
    return { mean, std: Math.max(Math.sqrt(variance), 1 / 255) };
  });
  return { mean: moments.map(({ mean }) => mean), std: moments.map(({ std }) => std) };
}

/**
 * What each byte of each channel becomes: [channels, 256], with the bits of torchvision's ToTensor (and Normalize,
 * which works in float32).
 */
export function byteTables(channels: number, normalization?: Normalization): readonly Float32Array[] {
  const f32 = Math.fround;
  return Array.from({ length: channels }, (_, c) => {
    if (!normalization) return Float32Array.from({ length: 256 }, (_, byte) => byte / 255);
    const [mean, std] = [f32(normalization.mean[c]!), f32(normalization.std[c]!)];
    return Float32Array.from({ length: 256 }, (_, byte) => f32(f32(byte / 255) - mean) / std);
  });
}
