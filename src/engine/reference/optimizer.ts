import type { AdamW, ClipNorm, MovingAverage, Optimized, Sgd, ValueId } from '../../graph/op.ts';
import type { RunScalars } from '../engine.ts';
import type { Frame } from './frame.ts';

/** [scale, norm] */
export function clipNorm(frame: Frame, { operands, maxNorm }: ClipNorm): Float64Array[] {
  const squares = operands.map((id) => frame.get(id).reduce((sum, x) => sum + x * x, 0));
  const norm = Math.sqrt(squares.reduce((sum, each) => sum + each, 0));
  return [Float64Array.of(Math.min(1, maxNorm / (norm + 1e-6))), Float64Array.of(norm)];
}

/** [parameter, velocity?] of each tensor. */
export function sgd(frame: Frame, op: Sgd, { learningRate }: RunScalars): Float64Array[] {
  return op.tensors.flatMap((tensor) => {
    const parameter = frame.get(tensor.parameter);
    const d = gradientOf(frame, tensor, op.scale);
    d.forEach((_, i) => {
      d[i]! += tensor.weightDecay * parameter[i]!;
    });
    const velocity = tensor.memory.map((id) => frame.get(id).map((v, i) => op.momentum * v + d[i]!));
    const step = velocity[0]?.map((v, i) => (op.nesterov ? d[i]! + op.momentum * v : v)) ?? d;
    return [parameter.map((p, i) => p - learningRate * step[i]!), ...velocity];
  });
}

/** [parameter, m, v] of each tensor. */
export function adamw(frame: Frame, op: AdamW, { learningRate, step = 1 }: RunScalars): Float64Array[] {
  const [unbias1, unbias2] = [1 - op.beta1 ** step, 1 - op.beta2 ** step];
  return op.tensors.flatMap((tensor) => {
    const gradient = gradientOf(frame, tensor, op.scale);
    const [oldM, oldV] = tensor.memory.map((id) => frame.get(id)) as [Float64Array, Float64Array];
    const m = oldM.map((mean, i) => op.beta1 * mean + (1 - op.beta1) * gradient[i]!);
    const v = oldV.map((mean, i) => op.beta2 * mean + (1 - op.beta2) * gradient[i]! ** 2);
    const parameter = frame.get(tensor.parameter).map((p, i) => {
      const decayed = p * (1 - learningRate * tensor.weightDecay);
      return decayed - (learningRate * (m[i]! / unbias1)) / (Math.sqrt(v[i]! / unbias2) + op.eps);
    });
    return [parameter, m, v];
  });
}

export function movingAverage(frame: Frame, op: MovingAverage, { step = 1 }: RunScalars): Float64Array[] {
  const decay = Math.min(op.decay, (1 + step) / (10 + step));
  return op.pairs.map(({ average, value }) => {
    const values = frame.get(value);
    return frame.get(average).map((mean, i) => decay * mean + (1 - decay) * values[i]!);
  });
}

function gradientOf(frame: Frame, { gradient }: Optimized, scale: ValueId | undefined): Float64Array {
  const factor = scale === undefined ? 1 : frame.get(scale)[0]!;
  return frame.get(gradient).map((g) => factor * g);
}
