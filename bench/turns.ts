import type { Contender } from './process.ts';

const PAUSE_MS = 200;

/** What every contender answers after `warmUp` steps, in rounds; who begins a round moves on by one. */
export async function takeTurns<A>(
  contenders: readonly Contender<A>[],
  warmUp: number,
  rounds: number,
): Promise<ReadonlyMap<string, A[]>> {
  for (const contender of contenders) for (let k = 0; k < warmUp; k++) await contender.step();
  const answers = new Map<string, A[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(turn + round) % contenders.length]!;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      await contender.step(); // While the others ran, caches and perhaps pages of memory were lost.
      answers.get(contender.name)!.push(await contender.step());
    }
    process.stderr.write(`round ${round + 1}/${rounds}\n`);
  }
  return answers;
}
