import type { BufferRole } from '../buffers.ts';

/** Texts of buffer roles for headings and legends. */
export const ROLE_TEXTS: Readonly<Record<BufferRole, string>> = {
  input: 'images and labels',
  featureMap: 'feature maps',
  gradient: 'gradients of feature maps',
  poolIndex: 'winners of max pools',
  partialSums: 'partial sums of weight gradients',
  packedWeights: 'packed weights',
  statistics: 'statistics and coefficients',
  scalar: 'losses, counts and norms',
  parameter: 'parameters',
  parameterGradient: 'gradients of parameters',
  runningStatistics: 'running statistics',
  optimizer: 'optimiser state',
};

/** What a buffer of each role is, before the name of what it belongs to. */
export const REASON_TEXTS: Readonly<Record<BufferRole, string>> = {
  input: 'input',
  featureMap: 'feature maps of',
  gradient: 'gradient of',
  poolIndex: 'winners of the max pool of',
  partialSums: 'partial sums of a weight gradient of',
  packedWeights: 'packed weights of',
  statistics: 'statistics and coefficients of',
  scalar: 'numbers of',
  parameter: 'parameter',
  parameterGradient: 'gradient of parameter',
  runningStatistics: 'running statistics',
  optimizer: 'optimiser state',
};

/** Follows the text of feature maps that the backward pass recomputes. */
export const RECOMPUTED = ', recomputed';
