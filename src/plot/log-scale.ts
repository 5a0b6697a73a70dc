/** A logarithmic scale from values to pixels. */
export interface LogScale {
  readonly domain: [low: number, high: number];
  readonly pixelsPerDecade: number;
  /** 1, 2 and 5 times powers of ten within the domain. */
  readonly ticks: readonly number[];
  apply(value: number): number;
  invert(pixel: number): number;
}

/** A scale from the range of the values, widened by a factor on both sides, to the pixels from `from` to `to`. */
export function logScale(values: readonly number[], factor: number, from: number, to: number): LogScale {
  const [low, high] = [Math.min(...values) / factor, Math.max(...values) * factor];
  const slope = (to - from) / Math.log10(high / low);
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const digit of [1, 2, 5]) ticks.push(digit * 10 ** power);
  }
  return {
    domain: [low, high],
    pixelsPerDecade: Math.abs(slope),
    ticks: ticks.filter((tick) => tick >= low && tick <= high),
    apply: (value) => from + slope * Math.log10(value / low),
    invert: (pixel) => low * 10 ** ((pixel - from) / slope),
  };
}
