import { VERSION } from '../version.ts';

/** What somebody who has only the file must know to use a trained network. */
export interface ModelCard {
  readonly model: string;
  readonly channels: number;
  /** Height and width of the images in pixels. */
  readonly size: number;
  /** One for each class, in the order of the logits. */
  readonly classNames: readonly string[];
  /** Of each channel, applied to pixels from 0 to 1: `(x − mean)/std`. */
  readonly normalization?: { readonly mean: readonly number[]; readonly std: readonly number[] };
}

/** The card as names and values, for the metadata of a file. */
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

/** The card as a few sentences. */
export function cardText(card: ModelCard): string {
  const { model, channels, size, classNames } = card;
  return (
    `${model}. Input images: [N, ${channels}, ${size}, ${size}], float32; ${preprocessing(card)}. ` +
    `Output logits: [N, ${classNames.length}], float32; a softmax makes probabilities of them.`
  );
}

function preprocessing({ channels, size, normalization }: ModelCard): string {
  const color = { 1: 'grey', 3: 'RGB' }[channels] ?? `${channels} channels`;
  const resized = `${color} pixels resized to ${size}×${size} (bilinear, antialiased), divided by 255`;
  if (!normalization) return resized;
  const { mean, std } = normalization;
  return `${resized}, less the mean ${mean.join(', ')}, divided by the standard deviation ${std.join(', ')}`;
}
