import type { Compiled } from '../compile.ts';
import { defaultLimitBytes } from '../node/machine-memory.ts';
import { type Choice, chooseForm, type LimitRequest, ProcessLimitError } from '../run/memory-limit.ts';
import { UsageError } from './errors.ts';
import { formatBytes } from './format.ts';
import { describeChoices } from './memory-choices.ts';
import { formatMemorySize } from './memory-size.ts';
import { say } from './terminal.ts';

interface Limited<T> extends LimitRequest<T> {
  /** Batch size of a step. */
  readonly batch: number;
  readonly isInference?: boolean;
}

/**
 * Compiles for a limit of the whole process (`chooseForm`), and prints the choices made to fit it.
 * @throws UsageError with the smallest limit that works.
 */
export function withinLimit<T extends { readonly compiled: Compiled }>(
  request: Limited<T>,
): Choice<T> & { readonly isFrugal: boolean } {
  try {
    const { instead, ...fits } = chooseForm(request);
    if (!instead) return fits;
    if (fits.isFrugal) {
      say('memory: images are read from a temporary file, and curves are drawn at the end of the run');
    }
    for (const line of describeChoices(instead, fits, request.batch, request.engine.threads)) say(line);
    const { candidates: _, ...compiled } = fits.prepared.compiled;
    // Drops the plans of other candidates, each of which would need a megabyte or more during the whole run.
    return { ...fits, prepared: { ...fits.prepared, compiled } };
  } catch (error) {
    if (!(error instanceof ProcessLimitError)) throw error;
    throw new UsageError(tooSmall(request, error), { cause: error });
  }
}

function tooSmall(
  { limit, engine, forms, isInference }: Limited<unknown>,
  { leastLimitBytes, leastPlanBytes, engineBytes }: ProcessLimitError,
): string {
  const { preferred, fallbacks } = forms;
  const allowed = [
    ...(fallbacks[0]?.precision === 'f32' ? ['`precision` auto'] : []),
    ...(fallbacks.length > 1 || preferred.microBatch !== undefined || isInference
      ? []
      : ['`microBatch` auto']),
  ];
  const remedy = `or ${allowed.map((option) => `${option}, or `).join('')}a smaller \`batch\` or \`size\``;
  if (leastPlanBytes > engineBytes) {
    return (
      `the smallest plan takes ${formatBytes(leastPlanBytes)}, but the ${engine.name} engine has only ` +
      `${formatBytes(engineBytes)}: use another \`engine\`, ${remedy}`
    );
  }
  const what =
    limit === undefined
      ? `the free memory of this machine, ${formatMemorySize(defaultLimitBytes())}, is too small`
      : `\`memoryLimit\` ${formatMemorySize(limit)} is too small`;
  return `${what}: the smallest limit that works is ${formatMemorySize(leastLimitBytes)}; use that, ${remedy}`;
}
