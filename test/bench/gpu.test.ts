import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { linesOf } from '../../bench/gpu/report.ts';
import { type Entrant, measureInRounds } from '../../bench/gpu/rounds.ts';
import { compile } from '../../src/compile.ts';
import { modelByName } from '../../src/model/zoo.ts';
import { elementCount } from '../../src/tensor/shape.ts';
import { missingFromPython } from '../support/python.ts';

/** A contender with the times of its answers; the warm-up is the first. */
function contender(name: string, times: readonly (number | Error)[]): Entrant {
  let next = 0;
  return {
    name,
    measure: async () => {
      const time = times[next++]!;
      if (time instanceof Error) throw time;
      return { ms: time, steps: 3 };
    },
  };
}

describe('rounds', () => {
  const options = { rounds: 3, batch: 8, deadline: 100, now: () => 0 };

  test('count each contender after its warm-up, with median and spread', async () => {
    const [result] = await measureInRounds([contender('a', [90, 4, 2, 3])], options);
    expect(result).toEqual({
      name: 'a',
      medianMs: 3,
      bestMs: 2,
      worstMs: 4,
      examplesPerSecond: 8000 / 3,
      stepMs: [4, 2, 3],
      details: { steps: 3 },
    });
  });

  test('go on without a contender that fails, whose error is its result', async () => {
    const failing = contender('a', [1, 2, new Error('out of memory')]);
    const results = await measureInRounds([failing, contender('b', [1, 1, 1, 1])], options);
    expect(results).toMatchObject([
      { name: 'a', stepMs: [2], error: 'out of memory' },
      { name: 'b', stepMs: [1, 1, 1] },
    ]);
    expect(linesOf({ results })[1]).toMatch(/^a +4000\.0 .* 1 +out of memory$/);
  });

  test('end at the deadline, and tell results after each answer', async () => {
    let time = 0;
    const told: number[] = [];
    const results = await measureInRounds([contender('a', [1, 1, 1, 1]), contender('b', [1, 1, 1, 1])], {
      ...options,
      now: () => (time += 30),
      onResults: (each) => told.push(each[0]!.stepMs.length),
    });
    expect(told).toEqual([0, 0, 1]);
    expect(results).toMatchObject([{ stepMs: [1] }, { stepMs: [], error: 'no time was left' }]);
  });
});

describe.skipIf(missingFromPython('torch'))("PyTorch's networks without torchvision", () => {
  const peers = join(import.meta.dirname, '../../bench/peers');

  test.each(['densenet121', 'resnet18'])('%s has as many parameters as that of the zoo', (name) => {
    const code = `import pytorch_models as m; print(sum(p.numel() for p in m.${name}().parameters()))`;
    const { stdout, stderr } = spawnSync('/usr/bin/python3', ['-B', '-c', code], {
      cwd: peers,
      encoding: 'utf8',
    });
    const { network } = compile(modelByName(name), [32, 32], { evaluate: { batch: 1, mode: 'evaluate' } });
    const own = [...network.state.values()].filter(({ role }) => role === 'parameter');
    expect(Number(stdout), stderr).toBe(own.reduce((sum, { shape }) => sum + elementCount(shape), 0));
  });
});
