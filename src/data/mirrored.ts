import type { Dataset, PixelFile } from './dataset.ts';
import { imageReader } from './pixels.ts';
import { mirror } from './transforms/augment.ts';

/** The same images, left to right: nothing is copied, each is turned as it is read. */
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
