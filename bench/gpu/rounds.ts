import { median } from '../../src/cli/median.ts';
import { orderOf } from '../common/turns.ts';

/** The answer of a contender of bench/gpu. */
export interface StepAnswer {
  /** Time of a step, averaged over `steps`. */
  readonly ms: number;
  readonly steps: number;
  readonly [detail: string]: unknown;
}

/** A contender, or one of several in a process. */
export interface Entrant {
  readonly name: string;
  /** @param capMs timeout. */
  measure(capMs: number): Promise<StepAnswer>;
}

/** What a contender achieved; `error`: why it has no times, or no more. */
export interface EntrantResult {
  readonly name: string;
  readonly medianMs?: number;
  readonly bestMs?: number;
  readonly worstMs?: number;
  readonly examplesPerSecond?: number;
  /** One per round. */
  readonly stepMs: readonly number[];
  /** Everything else that its last answer says. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly error?: string;
}

export interface RoundOptions {
  readonly rounds: number;
  readonly batch: number;
  /** No round begins after this time of `now`. */
  readonly deadline: number;
  readonly now?: () => number;
  /** Called with the results so far, after each contender. */
  readonly onResults?: (results: readonly EntrantResult[]) => void;
}

/**
 * Lets contenders alternate: a warm-up each, then rounds, of which each begins with another one. One that fails is left
 * out from then on; its error is its result.
 */
export async function measureInRounds(
  entrants: readonly Entrant[],
  { rounds, batch, deadline, now = () => performance.now(), onResults }: RoundOptions,
): Promise<readonly EntrantResult[]> {
  const states = entrants.map((entrant) => ({ entrant, answers: [] as StepAnswer[], error: '' }));
  const results = () => states.map(({ entrant, ...state }) => resultOf(entrant.name, batch, state));
  const turn = async (state: (typeof states)[number], isCounted: boolean) => {
    const leftMs = deadline - now();
    if (state.error || leftMs <= 0) return;
    try {
      const answer = await state.entrant.measure(leftMs / 2); // A slow one must not take all of the time.
      if (isCounted) state.answers.push(answer);
    } catch (error) {
      state.error = (error as Error).message;
    }
    onResults?.(results());
  };
  for (const state of states) await turn(state, false);
  for (let round = 0; round < rounds; round++) {
    for (const state of orderOf(round, states)) await turn(state, true);
  }
  for (const state of states) if (state.answers.length === 0) state.error ||= 'no time was left';
  return results();
}

function resultOf(
  name: string,
  batch: number,
  { answers, error }: { readonly answers: readonly StepAnswer[]; readonly error: string },
): EntrantResult {
  const stepMs = answers.map(({ ms }) => ms);
  const { ms: _, ...details } = answers.at(-1) ?? { ms: 0 };
  const medianMs = median(stepMs);
  return {
    name,
    ...(stepMs.length > 0 && {
      medianMs,
      bestMs: Math.min(...stepMs),
      worstMs: Math.max(...stepMs),
      examplesPerSecond: (1000 * batch) / medianMs,
      details,
    }),
    stepMs,
    ...(error && { error }),
  };
}
