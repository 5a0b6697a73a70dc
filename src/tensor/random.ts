/**
 * Counter-based random numbers: every number is a pure function of (seed, stream, counter), so it does not depend
 * on order, threads or resuming. Philox2x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2,
 * 3").
 */
export function randomBits(seed: number, stream: number, counter: number): number {
  let [left, right, key] = [counter >>> 0, stream >>> 0, seed >>> 0];
  for (let round = 0; round < 10; round++) {
    const low = Math.imul(MULTIPLIER, left) >>> 0;
    const high = multiplyHigh(MULTIPLIER, left);
    left = (high ^ key ^ right) >>> 0;
    right = low;
    key = (key + WEYL) >>> 0;
  }
  return left;
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
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(uniform(seed, stream, last) * (last + 1));
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}

const MULTIPLIER = 0xd256d193;
const WEYL = 0x9e3779b9;

/** The upper 32 bits of a product of two unsigned 32-bit numbers. */
function multiplyHigh(a: number, b: number): number {
  const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = aHigh * bLow + Math.floor((aLow * bLow) / 0x10000);
  const carry = aLow * bHigh + (middle % 0x10000);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}
