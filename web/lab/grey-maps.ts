import type { FeatureMaps } from 'densor/browser';
import type { GreyMap } from './messages.ts';

/** Channels [first, first + count) of feature maps as pictures, each from its own lowest to its own highest number. */
export function greyMaps(
  { height, width, channels, data }: FeatureMaps,
  first: number,
  count: number,
): readonly GreyMap[] {
  const taken = Math.max(0, Math.min(count, channels - first));
  return Array.from({ length: taken }, (_, i) => {
    const channel = first + i;
    const size = height * width;
    let [least, greatest, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
    for (let pixel = 0; pixel < size; pixel++) {
      const value = data[pixel * channels + channel]!;
      least = Math.min(least, value);
      greatest = Math.max(greatest, value);
      sum += value;
    }
    const scale = greatest > least ? 255 / (greatest - least) : 0;
    const pixels = Uint8Array.from({ length: size }, (__, pixel) =>
      Math.round((data[pixel * channels + channel]! - least) * scale),
    );
    return { channel, width, height, pixels, least, mean: sum / size, greatest };
  });
}
