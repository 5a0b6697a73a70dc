import { describe, expect, test } from 'vitest';
import { RunQueue } from '../../src/train/run-queue.ts';

/** A run that ends when it is told to. */
function pendingRun() {
  let end!: (result: string) => void;
  let fail!: (error: Error) => void;
  const result = new Promise<string>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  return { result, end, fail };
}

/** True if a promise is settled by now. */
const isSettled = async (promise: Promise<unknown>) => {
  let settled = false;
  const note = () => {
    settled = true;
  };
  promise.then(note, note);
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  return settled;
};

function queueOf(runsAtOnce?: number, most?: number) {
  const handled: string[] = [];
  const queue = new RunQueue<string>({ ...(runsAtOnce !== undefined && { runsAtOnce }) }, most);
  const add = () => {
    const run = pendingRun();
    queue.add(run.result, (result) => handled.push(result));
    return run;
  };
  return { queue, handled, add };
}

describe('a queue of runs', () => {
  test('handles each run before the next, where an engine runs one at a time', async () => {
    const { queue, handled, add } = queueOf();
    const first = add();
    const room = queue.room();
    expect(await isSettled(room)).toBe(false);
    first.end('first');
    await room;
    expect(handled).toEqual(['first']);
    expect(queue.length).toBe(0);
  });

  test('has room for a second run while the first is unfinished, where an engine runs two', async () => {
    const { queue, handled, add } = queueOf(2);
    const first = add();
    await queue.room();
    const second = add();
    const room = queue.room();
    second.end('second');
    expect(await isSettled(room)).toBe(false); // Results are handled in order.
    first.end('first');
    await room;
    expect(handled).toEqual(['first']);
    await queue.finish();
    expect(handled).toEqual(['first', 'second']);
  });

  test('may be limited further', async () => {
    const { queue, add } = queueOf(2, 1);
    const first = add();
    const room = queue.room();
    expect(await isSettled(room)).toBe(false);
    first.end('first');
    await room;
  });

  test('passes on the error of the oldest run, and handles none behind it', async () => {
    const { queue, handled, add } = queueOf(2);
    const [first, second] = [add(), add()];
    second.fail(new Error('second')); // Unhandled until its turn, without a warning.
    first.fail(new Error('first'));
    await expect(queue.finish()).rejects.toThrow('first');
    await queue.abandon();
    expect(handled).toEqual([]);
    expect(queue.length).toBe(0);
  });

  test('is abandoned when no run is unfinished', async () => {
    const { queue, handled, add } = queueOf(2);
    const [first, second] = [add(), add()];
    const abandoned = queue.abandon();
    first.end('first');
    expect(await isSettled(abandoned)).toBe(false);
    second.fail(new Error('second'));
    await abandoned;
    expect(handled).toEqual([]);
  });
});
