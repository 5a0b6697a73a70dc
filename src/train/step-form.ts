import type { Precision } from '../tensor/precision.ts';

/**
 * What may be done to a training step so that it takes less memory, at a price in its numbers: so it is the user's to
 * allow. (Computing results again changes no bit, and needs no leave.)
 */
export interface StepForm {
  readonly precision: Precision;
  /** The most images that go through the network at a time. Default: the whole batch. */
  readonly microBatch?: number | undefined;
}

/** A form as settings name it: `auto` stands for whatever the memory wants. */
export interface AllowedForms {
  readonly batch: number;
  readonly precision: Precision | 'auto';
  readonly microBatch?: number | 'auto' | undefined;
}

export interface StepForms {
  /** Where memory suffices to keep all results. */
  readonly preferred: StepForm;
  /** Where it does not, in the order in which they are tried, each with results recomputed as far as is needed. */
  readonly fallbacks: readonly StepForm[];
}

/**
 * float32, then bfloat16 (half of the feature maps' bytes, and no slower), then micro-batches of a half, a quarter, …,
 * down to two images, as far as `auto` allows them.
 */
export function stepForms({ batch, precision, microBatch }: AllowedForms): StepForms {
  const preferred: StepForm = {
    precision: precision === 'auto' ? 'f32' : precision,
    ...(typeof microBatch === 'number' && { microBatch }),
  };
  const smallest: StepForm = precision === 'auto' ? { ...preferred, precision: 'bf16' } : preferred;
  const fallbacks = [smallest];
  if (microBatch === 'auto') {
    for (let images = batch; images > 2; ) {
      images = Math.ceil(images / 2);
      fallbacks.push({ ...smallest, microBatch: images });
    }
  }
  return { preferred, fallbacks };
}
