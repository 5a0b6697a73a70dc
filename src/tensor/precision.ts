/**
 * What feature maps and their gradients are stored in. Arithmetic, statistics, weights, their gradients, features of a
 * head ([N, F]) and the optimiser are float32 with either.
 */
export const PRECISIONS = ['f32', 'bf16'] as const;
/** The storage type of feature maps: float32 or bfloat16. */
export type Precision = (typeof PRECISIONS)[number];

/** Of one number of a feature map. */
export const ELEMENT_BYTES: Readonly<Record<Precision, number>> = { f32: 4, bf16: 2 };
