/** A random integer in [0, limit), determined by the seed. */
export type Below = (limit: number) => number;

/** A small generator (mulberry32) for choosing mutations; a case depends only on seed and number. */
export function randomOf(seed: number, number: number): Below {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b)) >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}
