import { type Contender, isPeer } from './contender.ts';
import { inTemporaryFolder } from './programs.ts';
import { Progress } from './progress.ts';

const PAUSE_MS = 200;

/** The answers of contenders, and the errors of failed peers. */
export interface Turns<A> {
  readonly answers: ReadonlyMap<string, readonly A[]>;
  readonly failures: ReadonlyMap<string, string>;
}

/** The error messages of failed peers, as a field of a report. */
export function failuresField({ failures }: Pick<Turns<unknown>, 'failures'>): {
  readonly failures?: Readonly<Record<string, string>>;
} {
  return failures.size > 0 ? { failures: Object.fromEntries(failures) } : {};
}

/** The contenders in the order of a round: each round starts with the next one. */
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
 * Collects the answers of all contenders in rounds, after `warmUp` steps; each round starts with the next contender. A
 * peer that fails is excluded from then on.
 * @throws if a contender of Densor fails.
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
      // Two steps, because caches and possibly pages were evicted while the others ran.
      const answer = await turn(contender, 2);
      if (answer !== undefined) answers.get(contender.name)?.push(answer);
    }
    progress.advance();
  }
  return { answers, failures };
}

/**
 * Starts contenders, collects their answers in turns, and ends them.
 * @param prepare receives a temporary folder for their inputs; returns a function that starts a contender by name.
 * @throws RangeError for an unknown name.
 */
export async function inTurns<A>(
  names: readonly string[],
  prepare: (folder: string) => (name: string) => Contender<A>,
  turns: TurnOptions,
): Promise<Turns<A>> {
  names.forEach(isPeer); // Throws for unknown names, before anything is started.
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
