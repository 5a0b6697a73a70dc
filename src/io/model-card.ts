import { z } from 'zod';
import { VERSION } from '../version.ts';
import { parseJson } from './json.ts';

/** The image format that a network was trained with. */
export interface TrainedImages {
  /** Height and width of the images in pixels. */
  readonly size: number;
  /** One per class, in the order of the logits. */
  readonly classNames: readonly string[];
  /** Per channel, for pixels from 0 to 1: `(x − mean)/std`. */
  readonly normalization?: { readonly mean: readonly number[]; readonly std: readonly number[] } | undefined;
}

/** The information needed to use a trained network, stored in its file. */
export interface ModelCard extends TrainedImages {
  readonly model: string;
  readonly channels: number;
  /** Whether images that are not square were cropped; otherwise they were stretched. */
  readonly isCropped: boolean;
}

/** The card as key-value pairs, for the metadata of a file. */
export function cardMetadata(card: ModelCard): Map<string, string> {
  const { model, channels, size, classNames, normalization } = card;
  return new Map([
    ['model', model],
    ['classes', `${classNames.length}`],
    ['class_names', JSON.stringify(classNames)],
    ['channels', `${channels}`],
    ['size', `${size}`],
    ['preprocessing', preprocessing(card)],
    ...(normalization ? [['normalization', JSON.stringify(normalization)] as const] : []),
    ['producer', `densor ${VERSION}`],
  ]);
}

/** The card as text. */
export function cardText(card: ModelCard): string {
  const { model, channels, size, classNames } = card;
  return (
    `${model}. Input images: [N, ${channels}, ${size}, ${size}], float32; ${preprocessing(card)}. ` +
    `Output logits: [N, ${classNames.length}], float32; a softmax makes probabilities of them.`
  );
}

/** For the JSON of class names and of the mean and deviation per channel. */
const CARD_LIMITS = { depth: 2, values: 2 ** 17 };
const normalizationSchema = z.strictObject({
  mean: z.array(z.number()),
  std: z.array(z.number().positive()),
});
const imagesSchema = z.object({
  size: z.int().positive(),
  classNames: z.array(z.string()),
  normalization: normalizationSchema.optional(),
});

/** The image format in the metadata of a file exported by Densor; undefined for other files. */
export function imagesOfCard(metadata: ReadonlyMap<string, string>): TrainedImages | undefined {
  if (!metadata.get('producer')?.startsWith('densor ')) return undefined;
  try {
    const json = (key: string) =>
      metadata.has(key) ? parseJson(metadata.get(key)!, CARD_LIMITS) : undefined;
    const said = {
      size: json('size'),
      classNames: json('class_names'),
      normalization: json('normalization'),
    };
    return imagesSchema.parse(said);
  } catch {
    return undefined; // The metadata was edited.
  }
}

function preprocessing({ channels, size, isCropped, normalization }: ModelCard): string {
  const color = { 1: 'grey', 3: 'RGB' }[channels] ?? `${channels} channels`;
  const fitted = isCropped
    ? `the shorter side resized to ${size} (bilinear, antialiased), the middle ${size}×${size} cut out`
    : `resized to ${size}×${size} (bilinear, antialiased)`;
  const resized = `${color} pixels${isCropped ? ',' : ''} ${fitted}, divided by 255`;
  if (!normalization) return resized;
  const { mean, std } = normalization;
  return `${resized}, less the mean ${mean.join(', ')}, divided by the standard deviation ${std.join(', ')}`;
}
