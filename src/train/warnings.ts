import { counted } from '../tensor/counted.ts';
import type { RunConfig } from './config.ts';

/** With fewer steps a network has learned little. */
const FEW_STEPS = 100;

/** Warnings about a run's settings, one sentence each. @param images number of training images. */
export function settingsWarnings(
  { batch, epochs, limit = Number.POSITIVE_INFINITY }: Pick<RunConfig, 'batch' | 'epochs' | 'limit'>,
  images: number,
): readonly string[] {
  const trained = Math.min(images, limit);
  const steps = epochs * Math.ceil(trained / batch);
  const warnings = [];
  if (batch > trained) {
    warnings.push(
      `the batch of ${batch} is larger than the ${counted(trained, 'training image')}: an epoch is one step; use a smaller \`batch\``,
    );
  }
  if (steps < FEW_STEPS) {
    warnings.push(
      `${counted(steps, 'step')} in all, but a network needs hundreds: use more \`epochs\` or a smaller \`batch\``,
    );
  }
  return warnings;
}
