import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isPytorch } from '../../bench/common/contender.ts';
import { CASES } from '../../bench/common/network.ts';
import { caseName, markdownOf, measure, type StepReport, tableOf } from '../../bench/step/report.ts';
import { defaultContenders } from '../../bench/step/start.ts';
import { MACHINE } from '../support/machine.ts';

const built = (name: string) => fileURLToPath(new URL(`../../dist/bench/${name}/main.js`, import.meta.url));
const node = (name: string, ...args: readonly string[]) =>
  spawnSync(process.execPath, [built(name), ...args], { encoding: 'utf8' });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const answers = (times: readonly number[], loss = 2) =>
  times.map((ms) => ({ ms, loss, peakRssBytes: 2 ** 30 }));
const report: StepReport = {
  date: '2026-01-02T03:04:05.678Z',
  command: 'npm run bench',
  step: CASES.notes!,
  machine: MACHINE,
  warmUp: 2,
  rounds: 3,
  results: [
    measure('wasm:relaxed-simd', answers([90, 128, 100]), 256),
    measure('pytorch:default', answers([400, 150, 180]), 256),
  ],
};

describe('a report', () => {
  test('has medians, bests, and their ratios to the peer', () => {
    expect(tableOf(report)).toEqual([
      expect.arrayContaining(['× pytorch:default', 'loss after 8 steps']),
      ['wasm:relaxed-simd', '2560.0', '100', '90', '1.80 (best 1.67)', '', '1.00 GiB', '2.00000'],
      ['pytorch:default', '1422.2', '180', '150', '', '', '1.00 GiB', '2.00000'],
    ]);
  });

  test('is not created for losses that are not finite', () => {
    const diverged = [...answers([1, 2]), ...answers([3], Number.NaN)];
    expect(() => measure('wasm:simd128', diverged, 256)).toThrow(
      /wasm:simd128: a loss is not finite: 2, 2, NaN/,
    );
  });

  test('warns in its first line if two threads had less than two cores', () => {
    expect(markdownOf(report)).toMatch(/^# Training step `notes`: 96×96/);
    const shared = { ...report, machine: { ...report.machine, twoThreads: 1.2 } };
    expect(markdownOf(shared)).toMatch(/^\*\*Not two idle cores: two threads are 1\.20 times as fast as one/);
  });

  test('names its case, independent of threads', () => {
    expect(caseName({ ...CASES.deep!, threads: 1 })).toBe('deep');
    expect(caseName({ ...CASES.deep!, batch: 1 })).toBe('custom');
    expect(caseName({ ...CASES.densenet121!, bottleneck: false })).toBe('custom');
  });
});

/** Each a process that loads PyTorch, for seconds: a heap that is kept changes no number, so one of those will do. */
const TORCH = defaultContenders().filter((name) => isPytorch(name) && !/(default|bf16)\+/.test(name));

describe.each([
  ['plain', [], 5, TORCH],
  ['with bottlenecks', ['--bottleneck'], 7, TORCH.slice(0, 1)],
] as const)('all contenders begin with the same numbers, %s:', (_, more, maps, torch) => {
  const own = defaultContenders().filter((name) => !isPytorch(name));
  const tiny = ['--size', '32', '--batch', '4', '--blocks', '1,1', '--growth', '8', '--stem', '8', ...more];

  function expectLikeLosses(names: readonly string[]): void {
    const kept = ['--rounds', '1', '--out', join(folder, 'bench/x')];
    const { status, stdout, stderr } = node('step', ...tiny, ...kept, '--contenders', names.join(','));
    expect(status, stderr).toBe(0);
    for (const name of names) expect(stdout).toContain(name);
    const { results, machine } = JSON.parse(readFileSync(join(folder, 'bench/x.json'), 'utf8')) as StepReport;
    expect(results.map(({ name }) => name)).toEqual(names);
    for (const { name, loss } of results) {
      // The relative error of a bfloat16 is at most 2⁻⁹, for each consecutive map.
      const tolerance = name.includes('bf16') ? maps * 2 ** -9 : 1e-3;
      expect(Math.abs(loss / results[0]!.loss - 1), name).toBeLessThan(tolerance);
    }
    expect(machine.twoThreads).toBeGreaterThan(0.3);
    expect(readFileSync(join(folder, 'bench/x.md'), 'utf8')).toContain('npm run bench -- --size 32');
  }

  test("after as many steps the losses of Densor's engines are alike", () => expectLikeLosses(own));

  test.skipIf(torch.length === 0)("PyTorch's too (Debian's python3-torch is wanted)", () =>
    expectLikeLosses([own[0]!, ...torch]),
  );
});

test('the page has every report of steps, the other reports, and a plot', () => {
  expect(node('page', folder).stderr).toContain('holds no reports');
  mkdirSync(join(folder, 'bench'));
  const newer = { ...report, date: '2026-02-01T00:00:00Z', step: CASES.deep! };
  for (const [name, content] of [
    ['a', newer],
    ['b', report],
  ] as const) {
    writeFileSync(join(folder, `bench/${name}.json`), JSON.stringify(content));
  }
  writeFileSync(join(folder, 'kernels.md'), '**Doubtful.**\n\n# Convolutions\n\n[new](a.svg)\n');
  const { status, stderr } = node('page', folder);
  expect(status, stderr).toBe(0);
  expect(readFileSync(join(folder, 'bench.md'), 'utf8')).toMatch(
    /\n## Convolutions\n\n\*\*Doubtful.\*\*\n\n\[new\]\(a.svg\)\n\n## Training steps\n.*\n### Training step `deep`.*\n### Training step `notes`/s,
  );
  expect(readFileSync(join(folder, 'bench.svg'), 'utf8')).toMatch(/notes: 96×96.*deep: 64×64/s);
  expect(existsSync(join(folder, 'bench.png'))).toBe(true);
});
