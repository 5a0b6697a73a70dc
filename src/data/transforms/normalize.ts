import { DataError, type Dataset } from '../dataset.ts';
import { imageReader } from '../pixels.ts';

/** Normalization of images: none, by the mean and deviation of the training images, or by those of ImageNet. */
export const NORMALIZATIONS = ['none', 'measured', 'imagenet'] as const;
export type NormalizationName = (typeof NORMALIZATIONS)[number];

/** Per channel, for values in [0, 1]. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** The normalization of torchvision's pretrained networks. */
const IMAGENET: Normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/**
 * The normalization with this name; `measured` computes it from the training images.
 * @param limit number of images to measure, from the start. @throws DataError if `imagenet` does not match the
 * channels.
 */
export function normalizationOf(
  name: NormalizationName,
  train: Dataset,
  limit = train.count,
): Normalization | undefined {
  if (name === 'measured') return measure(train, Math.min(limit, train.count));
  return fixedNormalization(name, train.channels, ': use `normalize` measured, or `channels` 3');
}

/**
 * A normalization that does not depend on images. @param remedy advice for the message. @throws DataError as
 * `normalizationOf`.
 */
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

/** Exact, from a histogram of the bytes. For a constant channel the deviation is set to 1/255. */
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
 * The float32 value of each byte of each channel, [channels, 256], bit-identical to torchvision's ToTensor and
 * Normalize, which compute in float32.
 */
export function byteTables(channels: number, normalization?: Normalization): readonly Float32Array[] {
  const f32 = Math.fround;
  return Array.from({ length: channels }, (_, c) => {
    if (!normalization) return Float32Array.from({ length: 256 }, (_, byte) => byte / 255);
    const [mean, std] = [f32(normalization.mean[c]!), f32(normalization.std[c]!)];
    return Float32Array.from({ length: 256 }, (_, byte) => f32(f32(byte / 255) - mean) / std);
  });
}
