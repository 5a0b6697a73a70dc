import type { Compiled } from '../compile.ts';
import { networkPeakBytes } from '../plan/compiled-network.ts';
import { predictedSeconds } from '../plan/memory/rematerialization.ts';
import { rematerializationReports } from '../plan/memory/rematerialization-report.ts';
import { stepParts } from '../train/programs.ts';
import type { StepForm } from '../train/step-form.ts';
import { formatBytes } from './format.ts';

interface Choice {
  readonly prepared: { readonly compiled: Compiled };
  readonly form: StepForm;
}

/** Cost of a step: bytes, and predicted seconds per image if available. */
interface Price {
  readonly bytes: number;
  readonly seconds: number | undefined;
}

/**
 * Describes the choices made to fit a limit, one line each:
 * `memory: recomputed instead of kept: 16 convolutions of dense block 1 (204 MiB less, about 4.1% slower)`.
 * @param plain the preferred form of the step. @param chosen the one that fits, with its candidates.
 */
export function describeChoices(
  plain: Choice,
  chosen: Choice,
  batch: number,
  threads: number,
): readonly string[] {
  const { network, candidates = [] } = chosen.prepared.compiled;
  const images = Math.max(...stepParts(batch, chosen.form.microBatch).map((part) => part.images));
  const form =
    describeForm(plain.form, chosen.form) +
    (chosen.form.microBatch === plain.form.microBatch
      ? ''
      : `: batch norm statistics per micro-batch, gradients accumulated over ${batch} images`);
  const [kept, ...again] = rematerializationReports(candidates, threads).map((candidate) => ({
    what: `recomputed instead of kept: ${candidate.added}`,
    price: { bytes: candidate.plannedPeakBytes, seconds: candidate.predictedSeconds / images },
  }));
  const formPrice = kept?.price ?? { bytes: networkPeakBytes(network, threads), seconds: undefined };
  const choices = [...(form ? [{ what: form, price: formPrice }] : []), ...again];
  const first = priceOf(plain, batch, threads);
  let before = form ? first : formPrice;
  return choices.map(({ what, price }) => {
    const line = `memory: ${what} (${difference(before, price, first)})`;
    before = price;
    return line;
  });
}

/** The differences between two forms of a step, in words; empty if they are equal. */
export function describeForm(plain: StepForm, { precision, microBatch }: StepForm): string {
  return [
    ...(precision === plain.precision ? [] : [`feature maps in ${precision}`]),
    ...(microBatch === undefined || microBatch === plain.microBatch
      ? []
      : [`micro-batches of ${microBatch}`]),
  ].join(', ');
}

/** The cost of a form without rematerialization. */
export function priceOf({ prepared, form }: Choice, batch: number, threads: number): Price {
  const { network } = prepared.compiled;
  const programs = stepParts(batch, form.microBatch).map(({ program }) => network.programs.get(program));
  const seconds = programs.map((program) => program && predictedSeconds(program.plan));
  const known = seconds.filter((each) => each !== undefined);
  return {
    bytes: networkPeakBytes(network, threads),
    seconds: known.length === seconds.length ? known.reduce((sum, each) => sum + each, 0) / batch : undefined,
  };
}

/** `204 MiB less, about 4.1% slower`. */
function difference(before: Price, after: Price, first: Price): string {
  const saved = `${formatBytes(before.bytes - after.bytes)} less`;
  if (before.seconds === undefined || after.seconds === undefined) return saved;
  const percent = (100 * (after.seconds - before.seconds)) / (first.seconds ?? before.seconds);
  return `${saved}, about ${Math.abs(percent).toFixed(1)}% ${percent < 0 ? 'faster' : 'slower'}`;
}
