/** Fields with named values, in the order of their numbers: the algorithms that a plan can choose for a record. */
export const algorithms = {
  /**
   * How a weight gradient is summed (kernels/conv/conv2d_grad_weight.h): over the pixels of rows; over the images at
   * each pixel, for small maps; as bfloat16 dot products over pairs of pixels, with inputs shared by all taps or
   * copied for each tap (conv2d_grad_weight_pairs.h).
   */
  GradWeightAlgorithm: ['rows', 'images', 'pairs', 'pairsTapsApart'],
} as const;
