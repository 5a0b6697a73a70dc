import type { BatchNormalization, GradOutput, Prologue, ValueId } from '../../graph/op.ts';
import { type Frame, forPlanes, type Planes } from './frame.ts';

/** γ·(x − mean)/√(variance + eps) + β. */
export function normalize(
  frame: Frame,
  source: Float64Array,
  planes: Planes,
  bn: BatchNormalization,
): Float64Array {
  const [mean, variance, gamma, beta] = [bn.mean, bn.variance, bn.gamma, bn.beta].map((id) => frame.get(id));
  const z = new Float64Array(source.length);
  forPlanes(planes, (c, first, end) => {
    const scale = gamma![c]! / Math.sqrt(variance![c]! + bn.eps);
    for (let i = first; i < end; i++) z[i] = scale * (source[i]! - mean![c]!) + beta![c]!;
  });
  return z;
}

/** An op's input after its prologue. */
export function prologued(frame: Frame, x: ValueId, prologue: Prologue | undefined): Float64Array {
  return applied(frame, frame.get(x), frame.planes(x), prologue);
}

/** Applies batch norm and ReLU to values with the layout of `planes`. */
export function applied(
  frame: Frame,
  x: Float64Array,
  planes: Planes,
  prologue: Prologue | undefined,
): Float64Array {
  const z = prologue?.batchNorm ? normalize(frame, x, planes, prologue.batchNorm) : x;
  return prologue?.relu ? z.map((value) => Math.max(value, 0)) : z;
}

/** The gradient at an op's output, including the gradient through its own statistics. */
export function gradientAt(frame: Frame, { value, correction }: GradOutput): Float64Array {
  const gradient = frame.get(value);
  if (!correction) return gradient;
  const through = gradientThroughStatistics(frame, correction);
  return gradient.map((g, i) => g + through[i]!);
}

/** p·x + q with p = 2·gradVariance/m, q = gradMean/m − p·mean. */
export function gradientThroughStatistics(
  frame: Frame,
  ids: NonNullable<GradOutput['correction']>,
): Float64Array {
  const [mean, gradMean, gradVariance] = [ids.mean, ids.gradMean, ids.gradVariance].map((id) =>
    frame.get(id),
  );
  const x = frame.get(ids.x);
  const planes = frame.planes(ids.x);
  const m = frame.ofAllRanks(planes.n) * planes.pixels;
  const out = new Float64Array(x.length);
  forPlanes(planes, (c, first, end) => {
    for (let i = first; i < end; i++) {
      out[i] = (gradMean![c]! + 2 * gradVariance![c]! * (x[i]! - mean![c]!)) / m;
    }
  });
  return out;
}

/**
 * From du, the gradient at the prologue's output, to [gradX] or, with a batch norm, to [gradX, gradGamma, gradBeta,
 * gradMean, gradVariance]: the partial derivatives with respect to each input of the normalisation.
 */
export async function throughPrologue(
  frame: Frame,
  x: ValueId,
  prologue: Prologue | undefined,
  du: Float64Array,
): Promise<Float64Array[]> {
  const bn = prologue?.batchNorm;
  const z = bn ? normalize(frame, frame.get(x), frame.planes(x), bn) : frame.get(x);
  const dz = prologue?.relu ? du.map((d, i) => (z[i]! > 0 ? d : 0)) : du;
  if (!bn) return [dz];
  const [mean, variance, gamma] = [bn.mean, bn.variance, bn.gamma].map((id) => frame.get(id));
  const source = frame.get(x);
  const gradX = new Float64Array(dz.length);
  const planes = frame.planes(x);
  const sums = await frame.sumOverImages(planes.n, (...images) => {
    const both = new Float64Array(2 * planes.c);
    const add = (c: number, first: number, end: number) => {
      const scale = gamma![c]! / Math.sqrt(variance![c]! + bn.eps);
      for (let i = first; i < end; i++) {
        gradX[i] = scale * dz[i]!;
        both[c]! += dz[i]!;
        both[planes.c + c]! += dz[i]! * (source[i]! - mean![c]!);
      }
    };
    forPlanes(planes, add, images);
    return both;
  });
  const [sum, moment] = [sums.slice(0, planes.c), sums.slice(planes.c)];
  const inverse = variance!.map((v) => 1 / Math.sqrt(v + bn.eps));
  return [
    gradX,
    moment.map((t, c) => t * inverse[c]!),
    sum,
    sum.map((s, c) => -s * gamma![c]! * inverse[c]!),
    moment.map((t, c) => -0.5 * t * gamma![c]! * inverse[c]! ** 3),
  ];
}
