import { describe, expect, test } from 'vitest';
import { stepForms } from '../../src/train/step-form.ts';

describe('the forms of a training step', () => {
  test('are only one if nothing is automatic', () => {
    const form = { precision: 'bf16', microBatch: 10 } as const;
    expect(stepForms({ batch: 64, ...form })).toEqual({ preferred: form, fallbacks: [form] });
  });

  test('go from bfloat16 to smaller and smaller micro-batches, of at least two images', () => {
    const { preferred, fallbacks } = stepForms({ batch: 11, precision: 'auto', microBatch: 'auto' });
    expect(preferred).toEqual({ precision: 'f32' });
    expect(fallbacks).toEqual([
      { precision: 'bf16' },
      { precision: 'bf16', microBatch: 6 },
      { precision: 'bf16', microBatch: 3 },
      { precision: 'bf16', microBatch: 2 },
    ]);
    expect(stepForms({ batch: 2, precision: 'f32', microBatch: 'auto' }).fallbacks).toEqual([
      { precision: 'f32' },
    ]);
  });
});
