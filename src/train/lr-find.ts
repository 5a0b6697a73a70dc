import type { Compiled } from '../compile.ts';
import type { Dataset } from '../data/dataset.ts';
import { NonFiniteError, type Session } from '../engine/engine.ts';
import type { RunConfig } from './config.ts';
import { trainingLoader } from './data-config.ts';
import { loadState } from './initial-state.ts';
import { runStep, stepSeedOf } from './step.ts';

export interface RangeTestOptions {
  readonly config: RunConfig;
  /** The configuration, compiled by `compileRun`. */
  readonly compiled: Compiled;
  readonly session: Session;
  readonly train: Dataset;
  /** Learning rates of the first and the last step. */
  readonly from: number;
  readonly to: number;
  readonly steps: number;
  readonly onStep?: (done: number, point: RangePoint) => void;
}

export interface RangePoint {
  readonly learningRate: number;
  /** Loss of one batch, before the step. */
  readonly loss: number;
  /** Exponential moving average of the losses. */
  readonly smoothedLoss: number;
}

/** Result of a range test. */
export interface RangeTest {
  readonly points: readonly RangePoint[];
  /** The rate at which the smoothed loss falls fastest; undefined if it does not fall. */
  readonly suggestion: number | undefined;
  /** True if the loss diverged before the last step. */
  readonly exploded: boolean;
}

/** Decay of the moving average of the loss. */
const SMOOTHING = 0.9;
/** The loss has diverged when the smoothed loss exceeds its minimum by this factor. */
const EXPLOSION = 4;

/**
 * The learning-rate range test (Smith 2017, "Cyclical learning rates for training neural networks"): the rate grows
 * exponentially from step to step until the loss diverges. The configuration's schedule is ignored.
 */
export async function findLearningRate(options: RangeTestOptions): Promise<RangeTest> {
  const { config, compiled, session, train, from, to, steps, onStep } = options;
  loadState(session, compiled, config.seed);
  const loader = trainingLoader(train, config);
  const target = { session, network: compiled.network, microBatch: config.microBatch };
  const points: RangePoint[] = [];
  let order = loader.order({ seed: config.seed, epoch: 0 });
  let [sum, weight] = [0, 0];
  for (let i = 0; i < steps; i++) {
    const index = i % loader.batches;
    const moment = { seed: config.seed, epoch: Math.floor(i / loader.batches) };
    if (i > 0 && index === 0) order = loader.order(moment);
    const learningRate = from * (to / from) ** (i / Math.max(1, steps - 1));
    const batch = loader.batch(order, index, moment);
    const result = await runStep(target, batch, {
      learningRate,
      step: i + 1,
      stepSeed: stepSeedOf(config.seed, i),
    }).catch((error: unknown) => {
      if (error instanceof NonFiniteError) return undefined;
      throw error;
    });
    if (!result) return found(points, true);
    const { loss } = result;
    [sum, weight] = [SMOOTHING * sum + (1 - SMOOTHING) * loss, SMOOTHING * weight + (1 - SMOOTHING)];
    const point = { learningRate, loss, smoothedLoss: sum / weight };
    points.push(point);
    onStep?.(i + 1, point);
    const least = Math.min(...points.map(({ smoothedLoss }) => smoothedLoss));
    if (point.smoothedLoss > EXPLOSION * least) return found(points, true);
  }
  return found(points, false);
}

function found(points: readonly RangePoint[], exploded: boolean): RangeTest {
  return { points, suggestion: steepest(points), exploded };
}

/**
 * The rate at the steepest fall of the smoothed loss over the logarithm of the rate, before the minimum of the loss.
 * Slopes are taken over a tenth of the steps, excluding the first tenth, where the smoothed loss averages only a few
 * batches.
 */
export function steepest(points: readonly RangePoint[]): number | undefined {
  const losses = points.map(({ smoothedLoss }) => smoothedLoss);
  const least = losses.indexOf(Math.min(...losses));
  let best: { readonly rate: number; readonly slope: number } | undefined;
  const reach = Math.max(1, Math.round(points.length / 20));
  for (let i = 2 * reach; i <= least - reach; i++) {
    const [before, after] = [points[i - reach]!, points[i + reach]!];
    const slope =
      (after.smoothedLoss - before.smoothedLoss) / Math.log(after.learningRate / before.learningRate);
    if (slope < (best?.slope ?? 0)) best = { rate: points[i]!.learningRate, slope };
  }
  return best?.rate;
}
