/** Fields with named values, in the order of their numbers: algorithms among which a plan chooses for a record. */
export const algorithms = {
  /**
   * How a weight gradient is summed (kernels/conv/conv2d_grad_weight.h): over the pixels of rows; over the images of each
   * pixel, for small maps; as dot products of pairs of bfloat16 pixels, whose taps share their inputs or have copies of
   * their own (conv2d_grad_weight_pairs.h).
   */
  GradWeightAlgorithm: ['rows', 'images', 'pairs', 'pairsTapsApart'],
} as const;
