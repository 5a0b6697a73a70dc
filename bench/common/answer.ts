import { createInterface } from 'node:readline';

/**
 * A contender's side: every line of the standard input is answered with what `open` gives, as a line of JSON, until
 * there are no more. An error is an answer too, and the last: `{"cannot": …}`.
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
