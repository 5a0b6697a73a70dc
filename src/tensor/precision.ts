/**
 * Storage types of feature maps and their gradients. Arithmetic, statistics, weights and their gradients, features
 * of the head ([N, F]) and the optimizer state are always float32.
 */
export const PRECISIONS = ['f32', 'bf16'] as const;
/** The storage type of feature maps: float32 or bfloat16. */
export type Precision = (typeof PRECISIONS)[number];

/** Bytes of an element of a feature map. */
export const ELEMENT_BYTES: Readonly<Record<Precision, number>> = { f32: 4, bf16: 2 };
