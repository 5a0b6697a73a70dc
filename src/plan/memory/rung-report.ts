import { plannedPeakBytes } from '../plan.ts';
import { describeGroups, groupsBeyond } from './describe.ts';
import type { Rung } from './ladder.ts';

/** A rung as people compare it. */
export interface RungReport {
  readonly plannedPeakBytes: number;
  readonly predictedSeconds: number;
  /** Predicted time beyond the first rung's, as a part of it. */
  readonly predictedSlowdown: number;
  /** All that is computed again, in words. */
  readonly computedAgain: string;
  /** The same without what the rung before computes again. */
  readonly added: string;
  readonly groups: Rung['groups'];
}

export function rungReports(rungs: readonly Rung[], threads: number): readonly RungReport[] {
  return rungs.map(({ plan, predictedSeconds, groups }, i) => ({
    plannedPeakBytes: plannedPeakBytes([plan], threads),
    predictedSeconds,
    predictedSlowdown: predictedSeconds / rungs[0]!.predictedSeconds - 1,
    computedAgain: describeGroups(groups),
    added: describeGroups(i === 0 ? groups : groupsBeyond(groups, rungs[i - 1]!.groups)),
    groups,
  }));
}
