import type { Dataset, PixelFile } from './dataset.ts';
import { imageReader } from './pixels.ts';
import { mirror } from './transforms/augment.ts';

/** The data set with all images flipped horizontally. Pixels are not copied; images are flipped when read. */
export function mirrored(dataset: Dataset): Dataset {
  const { height, width, channels } = dataset;
  const bytes = height * width * channels;
  const image = imageReader(dataset);
  const pixels: PixelFile = {
    read: (at, to) => {
      to.set(image(at / bytes));
      mirror({ pixels: to, height, width, channels });
    },
  };
  return { ...dataset, pixels };
}
