import type { Precision } from '../tensor/precision.ts';

/**
 * Variants of a training step that take less memory but change the results: only used if the user allows them.
 * (Recomputation does not change the results, and needs no permission.)
 */
export interface StepForm {
  readonly precision: Precision;
  /** Most images in the network at a time. Default: the whole batch. */
  readonly microBatch?: number | undefined;
}

/** A step form in the settings: `auto` allows any value that the memory limit requires. */
export interface AllowedForms {
  readonly batch: number;
  readonly precision: Precision | 'auto';
  readonly microBatch?: number | 'auto' | undefined;
}

export interface StepForms {
  /** Used if there is enough memory to keep all results. */
  readonly preferred: StepForm;
  /** Otherwise tried in this order, each with as much recomputation as necessary. */
  readonly fallbacks: readonly StepForm[];
}

/**
 * float32, then bfloat16 (half the bytes of feature maps, and no slower), then micro-batches of a half, a quarter, …,
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
