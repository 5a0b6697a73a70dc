import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeSafetensors } from '../../src/io/safetensors.ts';
import { logDifferences, summarizeLog, tornFiles } from '../../tools/torture/check-run.ts';
import { prepareScenario, type Scenario } from '../../tools/torture/fault-scenarios.ts';
import { plan, tryOne } from '../../tools/torture/faults.ts';
import { forkContender, race, raceProblems } from '../../tools/torture/locks.ts';
import { deadProblems } from '../../tools/torture/power.ts';
import { randomOf } from '../../tools/torture/random.ts';
import { torture } from '../../tools/torture/run.ts';
import { nothingLost } from '../../tools/torture/terminals.ts';
import { WorkerPool } from '../../tools/torture/worker-pool.ts';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'densor-test-torture-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const FILE = Buffer.concat(
  encodeSafetensors({
    metadata: new Map(),
    tensors: new Map([['a', { shape: [64], data: new Float32Array(64) }]]),
  }),
);

describe('nothing is lost, damaged, duplicated or hangs', () => {
  test.each([
    ['where calls on files fail', { only: ['faults'], attempts: { faults: 4 } }, 4],
    ['where processes are killed', { only: ['kills'], attempts: { kills: 2 } }, 1],
    ['where processes want one lock', { only: ['locks'], attempts: { locks: 30 } }, 30],
    ['where a terminal is closed', { only: [], reproduce: 'terminals:terminal-closed' }, 1],
  ] as const)('%s', async (_, options, tried) => {
    const report = await torture({ seed: 1, minutes: 2, ...options });
    expect(report.faults).toEqual([]);
    if (report.results.some(({ skipped }) => skipped !== undefined)) return;
    expect(report.results.reduce((sum, result) => sum + result.tried, 0)).toBeGreaterThanOrEqual(tried);
  });
});

describe('the torture finds', () => {
  const step = (globalStep: number) => `{"kind":"step","globalStep":${globalStep},"loss":1}\n`;

  test('events that are lost, duplicated, of another run, or in another order', () => {
    const good = summarizeLog(step(1) + step(2));
    expect(logDifferences(good, good)).toEqual([]);
    expect(logDifferences(summarizeLog(step(1)), good)).toEqual([
      expect.stringMatching(/^lost step event \[2,/),
    ]);
    expect(logDifferences(summarizeLog(step(1) + step(2) + step(2)), good)).toEqual([
      expect.stringMatching(/^step event \[2,.* occurs 2 times$/),
    ]);
    expect(logDifferences(summarizeLog(step(1) + step(2) + step(3)), good)).toEqual([
      expect.stringMatching(/^strange step event \[3,/),
    ]);
    expect(logDifferences(summarizeLog(step(2) + step(1)), good)).toEqual([
      'step events are in another order',
    ]);
    expect(() => summarizeLog(step(1).slice(0, -1))).toThrow('no end');
    expect(() => summarizeLog(`${step(1)}{"ki\n${step(2)}`)).toThrow('line 2');
  });

  test('a damaged file, an abandoned lock and temporary file, a log that lacks steps', () => {
    const folder = join(scratch, 'left');
    mkdirSync(folder);
    writeFileSync(join(folder, 'last.safetensors'), FILE);
    expect(tornFiles(folder)).toEqual([]);
    writeFileSync(join(folder, 'last.safetensors'), FILE.subarray(0, -7));
    expect(tornFiles(folder)).toEqual([expect.stringContaining('last.safetensors is torn')]);
    expect(deadProblems(folder, 3)).toEqual([expect.stringContaining('is torn')]);
    writeFileSync(join(folder, 'run.lock'), '');
    writeFileSync(join(folder, 'log.jsonl'), step(1));
    writeFileSync(join(folder, 'last.safetensors.12.partial'), '');
    expect(nothingLost(folder)).toEqual(
      expect.arrayContaining(['leaves run.lock', 'leaves last.safetensors.partial']),
    );
    rmSync(join(folder, 'last.safetensors'));
    expect(nothingLost(folder)).toContain('there is no checkpoint');
    expect(deadProblems(folder, 3)).toContain('a saved checkpoint is lost');
  });

  test('two holders of a lock, and a lock that no process gets', async () => {
    const children = await Promise.all([forkContender(), forkContender()]);
    try {
      const folderOf = (i: number) => join(scratch, `lock-${i}`);
      for (const i of children.keys()) mkdirSync(folderOf(i));
      const proof = join(scratch, 'proof');
      // Locks of two folders simulate one lock with two holders.
      const answers = await race(children, randomOf(1, 0), { folderOf, proof, holdMs: 1000 });
      expect(raceProblems(answers)).toEqual(['two processes hold a lock at once']);
      expect(raceProblems([{ got: 'refused' }, { got: 'refused' }])).toEqual([
        'no process gets a lock that none holds',
      ]);
      expect(raceProblems(['hung', { got: 'held' }])).toEqual(['a process hangs that wants a lock']);
    } finally {
      for (const child of children) child.kill();
    }
  });

  test('a program that damages files, leaves partial results, and has no error messages', async () => {
    const program = join(scratch, 'careless.mjs');
    writeFileSync(join(scratch, 'file'), FILE);
    writeFileSync(
      program,
      `import { readFileSync, writeFileSync } from 'node:fs';
       const bytes = readFileSync(${JSON.stringify(join(scratch, 'file'))});
       export async function runProgram([folder]) {
         try {
           for (const name of ['a', 'b']) writeFileSync(folder + '/' + name + '.safetensors', bytes);
           return 0;
         } catch (error) {
           process.stderr.write('unexpected: ' + error.message + '\\n');
           return 2;
         }
       }`,
    );
    const pool = new WorkerPool(program);
    try {
      const careless: Scenario = { name: 'careless', words: (folder) => [folder] };
      const prepared = await prepareScenario(pool, careless, scratch);
      const write = (name: string) => `${name}.safetensors`;
      expect(prepared.calls).toEqual(
        ['a', 'b'].flatMap((name) => ['create', 'write', 'close'].map((op) => `${op} ${write(name)}`)),
      );
      const found = async (error: 'kill' | 'ENOSPC' | 'short', at: number) => {
        const folder = join(scratch, `${error}-${at}`);
        return (await tryOne(pool, prepared, { scenario: 'careless', error, at }, folder)).problems;
      };
      expect(await found('kill', 2)).toEqual([expect.stringContaining('a.safetensors is torn')]);
      expect(readFileSync(join(scratch, 'kill-2', 'b.safetensors'))).toEqual(FILE);
      expect(await found('ENOSPC', 5)).toEqual([
        'has no words for it: unexpected: ENOSPC: no space left on device, write',
        expect.stringContaining('b.safetensors is torn'),
        'status 2, but it changed a.safetensors, b.safetensors',
      ]);
      expect(await found('short', 2)).toEqual([]);
      const attempts = plan([prepared], randomOf(1, 0));
      expect(new Set(attempts.map(({ error, at }) => `${error} ${at}`)).size).toBe(attempts.length);
      expect(plan([prepared], randomOf(1, 0))).toEqual(attempts);
    } finally {
      pool.end();
    }
  });
});
