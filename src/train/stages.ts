import { averagedName, isOptimizerState } from '../compile.ts';
import type { Session } from '../engine/engine.ts';
import { frozenParts } from '../model/freeze.ts';
import type { Model } from '../model/module.ts';
import type { CompiledNetwork } from '../plan/compiled-network.ts';
import { elementCount } from '../tensor/shape.ts';
import { type RunConfig, scheduleOf } from './config.ts';
import type { Schedule } from './schedule.ts';

/** `head`: the classifier alone learns; the body, its batch norms included, stays as it is. `whole`: all learns. */
export type StageName = 'head' | 'whole';

/** Epochs of a run in which the same parameters learn, with a schedule and an optimiser of their own. */
export interface Stage {
  readonly name: StageName;
  /** Epoch and step that it begins with, from 0, of the run. */
  readonly firstEpoch: number;
  readonly firstStep: number;
  readonly schedule: Schedule;
}

/** The stages of a run in their order: two where the head learns first, else one. */
export function stagesOf(config: RunConfig, stepsPerEpoch: number): readonly [Stage, ...Stage[]] {
  const { headEpochs = 0, headLr = config.lr } = config;
  const whole: Stage = {
    name: 'whole',
    firstEpoch: headEpochs,
    firstStep: headEpochs * stepsPerEpoch,
    schedule: scheduleOf({ ...config, epochs: config.epochs - headEpochs }, stepsPerEpoch),
  };
  if (headEpochs === 0) return [whole];
  const schedule = scheduleOf({ ...config, epochs: headEpochs, lr: headLr }, stepsPerEpoch);
  return [{ name: 'head', firstEpoch: 0, firstStep: 0, schedule }, whole];
}

/** The stage that an epoch belongs to. */
export function stageAt(stages: readonly [Stage, ...Stage[]], epoch: number): Stage {
  return stages.findLast(({ firstEpoch }) => firstEpoch <= epoch) ?? stages[0];
}

/** Prefixes of what does not learn, for each stage of a run; the whole comes first. */
export function frozenIn(
  model: Model,
  { freeze = [], headEpochs }: Pick<RunConfig, 'freeze' | 'headEpochs'>,
): ReadonlyMap<StageName, readonly string[]> {
  const frozen = frozenParts(model, freeze);
  const stages: [StageName, readonly string[]][] = [['whole', frozen]];
  if (headEpochs !== undefined) stages.push(['head', [...frozen, ...frozenParts(model, ['body'])]]);
  return new Map(stages);
}

/**
 * Makes the optimiser of a stage after the first a new one, as a second `torch.optim` would be: its moments are 0 again,
 * and it counts its own steps. What has not learnt until then would else begin with the moments of many steps without a
 * gradient. Done again it changes nothing, so a run may resume here.
 */
export function forgetMoments(session: Session, { state }: CompiledNetwork): void {
  for (const [name, { shape }] of state) {
    if (isOptimizerState(name) && averagedName(name) === undefined) {
      session.write(name, new Float32Array(elementCount(shape)));
    }
  }
}
