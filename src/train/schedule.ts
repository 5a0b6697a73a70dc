import { assertNever } from '../tensor/assert-never.ts';

export const SCHEDULES = ['constant', 'step', 'cosine', 'one-cycle'] as const;
export type ScheduleKind = (typeof SCHEDULES)[number];

/** The learning rate over a run of `steps` steps. */
export interface Schedule {
  readonly kind: ScheduleKind;
  /** The maximum learning rate. */
  readonly peak: number;
  readonly steps: number;
  /**
   * Warm-up steps, in which the rate rises linearly from `peak/warmupSteps`; 0: none. Multiplies any kind of
   * schedule.
   */
  readonly warmupSteps: number;
}

/** `step`: at these fractions of the run the rate is divided by ten (He et al. 2016, Huang et al. 2017). */
const STEP_AT = [0.5, 0.75];
const STEP_FACTOR = 0.1;

/**
 * `one-cycle` (Smith and Topin 2018), PyTorch's defaults: rises over the first 30% from 1/25 of the peak, then falls
 * to 1/10,000 of that initial rate.
 */
const RISE = 0.3;
const INITIAL_DIVISOR = 25;
const FINAL_DIVISOR = 1e4;

/**
 * The learning rate of a step. A pure function, so a resumed run needs no schedule state.
 * @param step from 0.
 */
export function learningRateAt(schedule: Schedule, step: number): number {
  const { peak, warmupSteps } = schedule;
  const warmup = step < warmupSteps ? (step + 1) / warmupSteps : 1;
  return peak * warmup * factorAt(schedule, step);
}

function factorAt({ kind, steps }: Schedule, step: number): number {
  switch (kind) {
    case 'constant':
      return 1;
    case 'step':
      return STEP_FACTOR ** STEP_AT.filter((fraction) => step >= fraction * steps).length;
    case 'cosine':
      return ease(1, 0, step / steps);
    case 'one-cycle': {
      const first = 1 / INITIAL_DIVISOR;
      const [top, end] = [RISE * steps - 1, steps - 1];
      if (step <= top) return ease(first, 1, top > 0 ? step / top : 1);
      return ease(1, first / FINAL_DIVISOR, (step - Math.max(top, 0)) / Math.max(end - Math.max(top, 0), 1));
    }
    default:
      return assertNever(kind);
  }
}

/** Half a cosine from one value to another. */
function ease(from: number, to: number, fraction: number): number {
  return to + ((from - to) / 2) * (1 + Math.cos(Math.PI * fraction));
}
