import { type Contender, isPeer } from './contender.ts';
import { inTemporaryFolder } from './programs.ts';
import { Progress } from './progress.ts';

const PAUSE_MS = 200;

/** What contenders answered, and why those peers that could not. */
export interface Turns<A> {
  readonly answers: ReadonlyMap<string, readonly A[]>;
  readonly failures: ReadonlyMap<string, string>;
}

/** Peers that could not, as a field of a report. */
export function failuresField({ failures }: Pick<Turns<unknown>, 'failures'>): {
  readonly failures?: Readonly<Record<string, string>>;
} {
  return failures.size > 0 ? { failures: Object.fromEntries(failures) } : {};
}

/** Contenders in the order of a round: who begins moves on by one. */
export function orderOf<T>(round: number, contenders: readonly T[]): T[] {
  return contenders.map((_, k) => contenders[(k + round) % contenders.length]!);
}

export interface TurnOptions {
  readonly warmUp: number;
  readonly rounds: number;
  /** Counts rounds. */
  readonly progress?: Progress;
}

/**
 * What every contender answers after `warmUp` steps, in rounds. A peer that fails is left out from then on.
 * @throws when one of Densor's own fails.
 */
export async function takeTurns<A>(
  contenders: readonly Contender<A>[],
  { warmUp, rounds, progress = new Progress('round', rounds) }: TurnOptions,
): Promise<Turns<A>> {
  const answers = new Map<string, A[]>(contenders.map(({ name }) => [name, []]));
  const failures = new Map<string, string>();
  const turn = async ({ name, step }: Contender<A>, steps: number): Promise<A | undefined> => {
    let last: A | undefined;
    try {
      for (let k = 0; k < steps && !failures.has(name); k++) last = await step();
    } catch (error) {
      if (!isPeer(name)) throw error;
      failures.set(name, (error as Error).message);
      answers.delete(name);
      process.stderr.write(`${name}: ${(error as Error).message}\n`);
    }
    return last;
  };
  for (const contender of contenders) await turn(contender, warmUp);
  for (let round = 0; round < rounds; round++) {
    for (const contender of orderOf(round, contenders)) {
      if (failures.has(contender.name)) continue;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      const answer = await turn(contender, 2); // While the others ran, caches and perhaps pages of memory were lost.
      if (answer !== undefined) answers.get(contender.name)?.push(answer);
    }
    progress.advance();
  }
  return { answers, failures };
}

/**
 * Starts contenders, lets them take turns, and ends them.
 * @throws RangeError for a name that is nobody's.
 * @param prepare is given a folder for what they read, which is gone in the end; gives what starts one by its name.
 */
export async function inTurns<A>(
  names: readonly string[],
  prepare: (folder: string) => (name: string) => Contender<A>,
  turns: TurnOptions,
): Promise<Turns<A>> {
  names.forEach(isPeer); // Throws where a name is unknown: before anything starts.
  return inTemporaryFolder(async (folder) => {
    const contenders: Contender<A>[] = [];
    try {
      const start = prepare(folder);
      for (const name of names) contenders.push(start(name));
      return await takeTurns(contenders, turns);
    } finally {
      for (const contender of contenders) contender.end();
    }
  });
}
