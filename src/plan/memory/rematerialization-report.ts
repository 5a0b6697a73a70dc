import { plannedPeakBytes } from '../plan.ts';
import { describeGroups, groupsBeyond } from './describe.ts';
import type { RematerializationPlan } from './rematerialization.ts';

/** A candidate as people compare it. */
export interface RematerializationReport {
  readonly plannedPeakBytes: number;
  readonly predictedSeconds: number;
  /** Predicted time beyond the first candidate's, as a part of it. */
  readonly predictedSlowdown: number;
  /** All that is recomputed, in words. */
  readonly recomputed: string;
  /** The same without what the candidate before recomputes. */
  readonly added: string;
  readonly groups: RematerializationPlan['groups'];
}

export function rematerializationReports(
  candidates: readonly RematerializationPlan[],
  threads: number,
): readonly RematerializationReport[] {
  return candidates.map(({ plan, predictedSeconds, groups }, i) => ({
    plannedPeakBytes: plannedPeakBytes([plan], threads),
    predictedSeconds,
    predictedSlowdown: predictedSeconds / candidates[0]!.predictedSeconds - 1,
    recomputed: describeGroups(groups),
    added: describeGroups(i === 0 ? groups : groupsBeyond(groups, candidates[i - 1]!.groups)),
    groups,
  }));
}
