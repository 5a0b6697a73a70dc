import { plannedPeakBytes } from '../plan.ts';
import { describeGroups, groupsBeyond } from './describe.ts';
import type { RematerializationPlan } from './rematerialization.ts';

/** A candidate for reports and tables. */
export interface RematerializationReport {
  readonly plannedPeakBytes: number;
  readonly predictedSeconds: number;
  /** Predicted relative slowdown compared with the first candidate. */
  readonly predictedSlowdown: number;
  /** All recomputed ops, in words. */
  readonly recomputed: string;
  /** The ops recomputed in addition to those of the previous candidate, in words. */
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
