import { type Pair, ShapeError } from '../tensor/shape.ts';

/** Largest image size to try: a network that does not fit it fits no size. */
const LARGEST = 8192;

/**
 * The same error, extended by the smallest image size that works, if there is one.
 * @param size of the images that are too small, in pixels.
 * @param trace throws ShapeError if images of a size do not fit.
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
