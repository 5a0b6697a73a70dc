import { averagedName, isOptimizerState } from '../compile.ts';
import type { Session } from '../engine/engine.ts';
import { frozenParts } from '../model/freeze.ts';
import type { Model } from '../model/module.ts';
import type { CompiledNetwork } from '../plan/compiled-network.ts';
import { elementCount } from '../tensor/shape.ts';
import { type RunConfig, scheduleOf } from './config.ts';
import type { Schedule } from './schedule.ts';

/**
 * `head`: only the classifier is trained; the body, including its batch norms, is frozen. `whole`: the whole network
 * is trained.
 */
export type StageName = 'head' | 'whole';

/** Epochs of a run that train the same parameters, with their own schedule and optimiser state. */
export interface Stage {
  readonly name: StageName;
  /** Its first epoch and step in the run, from 0. */
  readonly firstEpoch: number;
  readonly firstStep: number;
  readonly schedule: Schedule;
}

/** The stages of a run in order: two if the head is trained first, otherwise one. */
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

/** Prefixes of frozen state, for each stage of a run; `whole` comes first. */
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
 * Resets the optimiser for a stage after the first, like a second `torch.optim`: its moments are 0 again, and it
 * counts its own steps. Parameters that were frozen until then would otherwise start with the moments of many steps
 * without a gradient. Idempotent, so a run may resume here.
 */
export function forgetMoments(session: Session, { state }: CompiledNetwork): void {
  for (const [name, { shape }] of state) {
    if (isOptimizerState(name) && averagedName(name) === undefined) {
      session.write(name, new Float32Array(elementCount(shape)));
    }
  }
}
