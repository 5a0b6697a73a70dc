/** log 2 in two parts, of which the first times any exponent is exact. */
const [LN2_HIGH, LN2_LOW] = [6.9314718036912381649e-1, 1.90821492927058770002e-10];
/** Coefficients of FreeBSD's e_exp.c, for r·(eʳ + 1)/(eʳ − 1) where |r| ≤ log 2 / 2. */
const COEFFICIENTS = [
  1.66666666666666019037e-1, -2.77777777770155933842e-3, 6.61375632143793436117e-5, -1.6533902205465251539e-6,
  4.13813679705723846039e-8,
] as const;

/** eˣ for x ≤ 0, to less than a unit in the last place. `Math.exp` differs in that place from one engine to the next. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x < -745.2) return 0;
  const exponent = Math.round(x / Math.LN2);
  const high = x - exponent * LN2_HIGH;
  const low = exponent * LN2_LOW;
  const r = high - low;
  const t = r * r;
  const [p1, p2, p3, p4, p5] = COEFFICIENTS;
  const c = r - t * (p1 + t * (p2 + t * (p3 + t * (p4 + t * p5))));
  const y = 1 - (low - (r * c) / (2 - c) - high);
  // In two steps: 2 to the power of a subnormal number's exponent would be one itself.
  const half = Math.trunc(exponent / 2);
  return y * 2 ** half * 2 ** (exponent - half);
}
