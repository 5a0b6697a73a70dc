import { type Pair, ShapeError } from '../tensor/shape.ts';

/** No image is larger: what does not fit this one fits none. */
const LARGEST = 8192;

/**
 * The same error with the least size of images that works, where images of some size do.
 * @param size of the images that are too small, in pixels.
 * @param trace throws ShapeError where images of a size do not fit.
 */
export function withLeastSize(error: ShapeError, size: Pair, trace: (size: Pair) => void): ShapeError {
  const fits = (least: number): boolean => {
    try {
      trace([Math.max(size[0], least), Math.max(size[1], least)]);
      return true;
    } catch (other) {
      if (other instanceof ShapeError) return false;
      throw other;
    }
  };
  let [below, least] = [Math.min(...size), 2 * Math.min(...size)];
  while (!fits(least)) {
    if (least >= LARGEST) return error;
    [below, least] = [least, 2 * least];
  }
  while (least - below > 1) {
    const middle = Math.floor((below + least) / 2);
    if (fits(middle)) least = middle;
    else below = middle;
  }
  return new ShapeError(error.layer, `${error.reason} (the least \`size\` that works is ${least})`);
}
