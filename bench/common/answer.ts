import { createInterface } from 'node:readline';

/**
 * The main loop of a contender process: for each line of standard input calls the function returned by `open`, and
 * prints its result as a line of JSON. After an error it prints `{"cannot": …}` and ends.
 */
export async function answerLines(open: () => Promise<() => Promise<object>>): Promise<never> {
  const say = (answer: object) => process.stdout.write(`${JSON.stringify(answer)}\n`);
  try {
    const answer = await open();
    for await (const _ of createInterface({ input: process.stdin })) say(await answer());
  } catch (error) {
    process.stderr.write(`${(error as Error).stack}\n`);
    say({ cannot: (error as Error).message });
  }
  process.exit(0);
}
