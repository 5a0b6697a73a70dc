import type { Conv2d, Conv2dMaxPool, Linear } from '../../../graph/op.ts';
import type { BufferId, Vector } from '../records.ts';
import { absentVector, type LoweringContext } from './context.ts';

/**
 * A convolution's packed weights and bias with the following batch norm folded in, and whether a ReLU follows.
 * @param pack packs the weights, times a scale for each output if given.
 */
export function epilogue(
  ctx: LoweringContext,
  op: Conv2d | Conv2dMaxPool | Linear,
  pack: (scale?: BufferId) => BufferId,
): { readonly packed: BufferId; readonly bias: Vector; readonly relu: number } {
  const after = 'epilogue' in op ? op.epilogue : undefined;
  const relu = after?.relu ? 1 : 0;
  if (!after?.batchNorm) {
    return { packed: pack(), bias: op.bias === undefined ? absentVector : ctx.vector(op.bias), relu };
  }
  const { scale, shift } = ctx.coefficients(op, after.batchNorm, op.bias);
  return { packed: pack(scale), bias: { address: shift, offset: 0 }, relu };
}
