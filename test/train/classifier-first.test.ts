import { describe, expect, test } from 'vitest';
import { ENGINES } from '../support/engines.ts';
import { NATIVE, plain, trainingRuns } from '../support/training-run.ts';

const { checkpointOf, comparable, run } = trainingRuns();

describe.each([ENGINES[0]!, ...NATIVE])('a run whose classifier learns first, on $name', ({ open }) => {
  /** Two epochs of seven steps for the classifier, one for all. */
  const BOUNDARY = 14;
  const config = { ...plain, optimizer: 'adamw', lr: 0.003, headEpochs: 2, headLr: 0.02 } as const;
  const stateOf = (name: string) => checkpointOf(name).state;
  const pretrained = async () => {
    await run(open, 'elsewhere', { config: { ...plain, seed: 3 }, stopAfter: 9 });
    return new Map([...stateOf('elsewhere')].map(([name, data]) => [name, Float32Array.from(data)]));
  };
  const isHead = (name: string) => name.startsWith('8.');

  test('keeps every bit of the body and its running statistics until then, and changes all after', async () => {
    const decayed = { ...config, weightDecay: 0.1 };
    const startFrom = await pretrained();
    await run(open, 'head', { config: decayed, startFrom, stopAfter: BOUNDARY });
    await run(open, 'all', { config: decayed, startFrom });
    for (const [name, before] of startFrom) {
      // A bias before a batch norm has no gradient.
      if (!name.endsWith('bias')) {
        expect(Float32Array.from(stateOf('all').get(name)!), name).not.toEqual(before);
      }
      const after = expect(Float32Array.from(stateOf('head').get(name)!), name);
      if (isHead(name)) after.not.toEqual(before);
      else after.toEqual(before);
    }
  });

  test('gives the rest a new optimizer: its first step has the size of the learning rate', async () => {
    const startFrom = await pretrained();
    const events = await run(open, 'first', { config, startFrom, stopAfter: BOUNDARY + 1 });
    await run(open, 'before', { config, startFrom, stopAfter: BOUNDARY });
    const rates = events.flatMap((event) => (event.kind === 'step' ? [event.learningRate] : []));
    expect(rates).toEqual([...Array(BOUNDARY).fill(0.02), 0.003]);
    const movesOf = (isWanted: (name: string) => boolean) =>
      [...stateOf('first')].flatMap(([name, after]) => {
        const before = stateOf('before').get(name)!;
        const isParameter = /weight|bias/.test(name);
        return isParameter && isWanted(name) ? [...after].map((x, i) => Math.abs(x - before[i]!)) : [];
      });
    // The first step of AdamW, with zero moments, is the rate times the sign of the gradient.
    for (const isWanted of [isHead, (name: string) => !isHead(name)]) {
      const moves = movesOf(isWanted).sort((a, b) => a - b);
      expect(moves.at(-1)!).toBeLessThan(1.001 * 0.003);
      expect(moves[Math.floor(moves.length / 2)]!).toBeGreaterThan(0.99 * 0.003);
    }
  });

  test('that was interrupted in either stage, or between them, ends with the bits of an uninterrupted run', async () => {
    const all = { ...config, schedule: 'one-cycle', ema: 0.9, microBatch: 3, weightDecay: 0.1 } as const;
    await run(open, 'whole', { config: all });
    for (const stop of [5, BOUNDARY, BOUNDARY + 1, BOUNDARY + 4]) {
      const name = `stopped ${stop}`;
      await run(open, name, { config: all, stopAfter: stop });
      await run(open, name, { config: all, resume: true, threads: 1 });
      expect([stop, comparable(name)]).toEqual([stop, comparable('whole')]);
    }
  });
});
