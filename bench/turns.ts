import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Contender, isPeer } from './process.ts';

const PAUSE_MS = 200;

/** The answers of contenders, and the errors of failed peers. */
export interface Turns<A> {
  readonly answers: ReadonlyMap<string, readonly A[]>;
  readonly failures: ReadonlyMap<string, string>;
}

/**
 * Collects the answers of all contenders in rounds, after `warmUp` steps; each round starts with the next
 * contender. A peer that fails is excluded from then on.
 * @throws if a contender of Densor fails.
 */
export async function takeTurns<A>(
  contenders: readonly Contender<A>[],
  { warmUp, rounds }: { readonly warmUp: number; readonly rounds: number },
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
    for (let k = 0; k < contenders.length; k++) {
      const contender = contenders[(k + round) % contenders.length]!;
      if (failures.has(contender.name)) continue;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      // Two steps, because caches and possibly pages were evicted while the others ran.
      const answer = await turn(contender, 2);
      if (answer !== undefined) answers.get(contender.name)?.push(answer);
    }
    process.stderr.write(`round ${round + 1}/${rounds}\n`);
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
  turns: { readonly warmUp: number; readonly rounds: number },
): Promise<Turns<A>> {
  names.forEach(isPeer); // Throws for unknown names, before anything is started.
  const folder = mkdtempSync(join(tmpdir(), 'densor-bench-'));
  const contenders: Contender<A>[] = [];
  try {
    const start = prepare(folder);
    for (const name of names) contenders.push(start(name));
    return await takeTurns(contenders, turns);
  } finally {
    for (const contender of contenders) contender.end();
    rmSync(folder, { recursive: true, force: true });
  }
}
