/**
 * Counter-based random numbers: every number is a pure function of (seed, stream, counter), so it does not depend
 * on order, threads or resuming. Philox2x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2,
 * 3").
 */
export function randomBits(seed: number, stream: number, counter: number): number {
  let left = counter | 0;
  let right = stream | 0;
  let key = seed | 0;
  for (let round = 0; round < 10; round++) {
    const high = multiplyHigh(left);
    const low = Math.imul(MULTIPLIER, left);
    left = high ^ key ^ right;
    right = low;
    key = (key + WEYL) | 0;
  }
  return left >>> 0;
}

/** Uniform in [0, 1), a multiple of 2⁻³². */
export function uniform(seed: number, stream: number, counter: number): number {
  return randomBits(seed, stream, counter) / 2 ** 32;
}

/** The threshold t with P(randomBits < t) = rate, for rate < 1, rounded to 32 bits. */
export function belowRate(rate: number): number {
  return Math.min(2 ** 32 - 1, Math.round(rate * 2 ** 32));
}

/**
 * Normal with mean 0 and deviation 1 (Box and Muller 1958), from numbers 2·counter and 2·counter + 1 of the
 * stream.
 */
export function normal(seed: number, stream: number, counter: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(seed, stream, 2 * counter)));
  return radius * Math.cos(2 * Math.PI * uniform(seed, stream, 2 * counter + 1));
}

/** A stream for each name (`init.7.weight`, `shuffle.3`): FNV-1a, 32 bits. */
export function streamOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** A permutation of [0, count) (Fisher and Yates). */
export function permutation(seed: number, stream: number, count: number): Uint32Array {
  const order = new Uint32Array(count).map((_, i) => i);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(uniform(seed, stream, last) * (last + 1));
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}

const MULTIPLIER = 0xd256d193;
const [MULTIPLIER_HIGH, MULTIPLIER_LOW] = [0xd256, 0xd193];
const WEYL = 0x9e3779b9;

/**
 * The upper 32 bits of MULTIPLIER times an unsigned number, both given and returned as the int32 of the same bits: V8
 * computes with those in registers, while each larger number is a float64.
 */
function multiplyHigh(x: number): number {
  const [high, low] = [x >>> 16, x & 0xffff];
  const middle = Math.imul(MULTIPLIER_HIGH, low) + (Math.imul(MULTIPLIER_LOW, low) >>> 16);
  const carry = Math.imul(MULTIPLIER_LOW, high) + (middle & 0xffff);
  return (Math.imul(MULTIPLIER_HIGH, high) + (middle >>> 16) + (carry >>> 16)) | 0;
}
