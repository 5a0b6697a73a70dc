import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { densorIn, densorProcess, MAIN } from '../support/cli.ts';

const BUDGET = '--data sample --size 32 --batch 8 --limit 16 --epochs 1 --threads 2'.split(' ');
const EXPERIMENT = {
  about: 'Which pooling?',
  configurations: { average: { model: 'notes' }, max: { model: 'notes-max-pool' } },
  seeds: [0, 1],
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const densor = (...args: readonly string[]) => densorIn(folder, ...args);
const read = (path: string) => readFileSync(join(folder, path), 'utf8');
const linesOf = (stderr: string) => stderr.split('\n').filter((line) => line.startsWith('run '));

/** Interrupts the command when stderr contains `when`. */
async function interrupted(args: readonly string[], when: string) {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder });
  let [stderr, sent] = ['', false];
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
    if (!sent && stderr.includes(when)) sent = child.kill('SIGINT');
  });
  return { status: await new Promise((resolve) => child.on('exit', resolve)), stderr };
}

test('an interrupted comparison resumes, with the results of single runs of train', async () => {
  writeFileSync(join(folder, 'pool.json'), JSON.stringify(EXPERIMENT));
  const args = ['compare', 'pool.json', ...BUDGET];
  const cut = await interrupted(args, 'run 2/4: max, seed 0');
  expect(cut.status, cut.stderr).toBe(1);
  expect(cut.stderr).toMatch(
    /\nsaved; continue with: node .*main\.js compare pool\.json --data sample .*--threads 2\n$/,
  );
  expect(existsSync(join(folder, 'runs/compare-pool/report.json'))).toBe(false);

  const { status, stdout, stderr } = await densor(...args, '--json');
  expect(status, stderr).toBe(0);
  expect(linesOf(stderr)[0]).toBe('run 1/4: average, seed 0: already finished');
  expect(linesOf(stderr).slice(-2)).toEqual(['run 3/4: average, seed 1', 'run 4/4: max, seed 1']);
  expect(stderr).toMatch(/step 1\/2 .* run 3\/4, total ETA \d/);
  const result = JSON.parse(stdout);
  expect(JSON.parse(read('runs/compare-pool/report.json'))).toEqual(result);
  expect(result).toMatchObject({
    name: 'pool',
    finished: true,
    experiment: { ...EXPERIMENT, common: { data: 'sample', size: 32, batch: 8, limit: 16, epochs: 1 } },
    configurations: [
      { name: 'average', parameters: 758_226, macs: 14_344_112, epochs: { mean: 1, sd: 0 } },
      { name: 'max', parameters: 758_226, macs: 14_344_112 },
    ],
  });
  const accuracies = result.configurations.map(({ runs }: { runs: { testAccuracy: number }[] }) =>
    runs.map(({ testAccuracy }) => testAccuracy),
  );
  const [[a0, a1], [m0, m1]] = accuracies;
  expect(result.configurations[0].testAccuracy.mean).toBeCloseTo((a0 + a1) / 2, 12);
  expect(result.testAccuracyDifferences[0].mean).toBeCloseTo((m0 + m1 - a0 - a1) / 2, 12);
  const alone = JSON.parse(
    (await densor('train', ...BUDGET, '--model', 'notes-max-pool', '--json', '--out', 'alone')).stdout,
  );
  const { trainLoss, testAccuracy } = result.configurations[1].runs[0];
  expect({ trainLoss, testAccuracy }).toEqual({
    trainLoss: alone.trainLoss,
    testAccuracy: alone.testAccuracy,
  });

  expect(readdirSync(join(folder, 'runs/compare-pool')).sort()).toEqual(
    ['average', 'curves.png', 'curves.svg', 'experiment.json', 'max', 'report.json', 'report.md'].sort(),
  );
  const log = read('runs/compare-pool/max/seed-1/log.jsonl');
  const again = await densor(...args);
  expect(linesOf(again.stderr)).toHaveLength(4);
  expect(linesOf(again.stderr).every((line) => line.endsWith('already finished'))).toBe(true);
  expect(read('runs/compare-pool/max/seed-1/log.jsonl')).toBe(log);
  expect(again.stdout).toMatch(/test accuracy, last epoch +0\.\d{4} ± 0\.\d{4} +0\.\d{4} ± 0\.\d{4}\n/);
  expect(again.stdout).toMatch(
    /test accuracy of max minus average: [+−]0\.\d{4} ± 0\.\d{4} \(.* with seed 1\)/,
  );
  expect(read('runs/compare-pool/report.md')).toMatch(
    /^# pool\n\nWhich pooling\?\n.*\| parameters \| 758,226 \| 758,226 \|/s,
  );

  for (const [option, value, message] of [
    ['--batch', '4', /another experiment: common\.batch is 8 there, 4 here/],
    ['--engine', 'reference', /contradicts the comparison/],
  ] as const) {
    const other = await densor(...args, option, value);
    expect([other.status, other.stdout]).toEqual([2, '']);
    expect(other.lastLine).toMatch(message);
  }

  const more = await densor(...args, '--seeds', '2', '--json');
  expect(linesOf(more.stderr).filter((line) => !line.endsWith('already finished'))).toEqual([
    'run 5/6: average, seed 2',
    'run 6/6: max, seed 2',
  ]);
  const [average] = JSON.parse(more.stdout).configurations;
  expect(average.runs.map(({ seed }: { seed: number }) => seed)).toEqual([0, 1, 2]);
}, 120_000);

test('costs of networks are computed by part, without training', async () => {
  const args = ['compare', 'notes-121', '--data', 'sample', '--dry-run'];
  const { status, stdout, stderr } = await densor(...args);
  expect(status, stderr).toBe(0);
  expect(stdout).toMatch(
    /\nparameters +144,004,762 +6,957,834\nmultiplications per image +82,685,224,800 +505,931,776\n/,
  );
  expect(stdout).toMatch(/\ntransition 1 +128×24×24 +1,445,504 .*(\n.*)*\ntransition 1 +128×12×12 +33,280 /);
  expect(stdout).toMatch(
    /\n\nThe notes' 121 differs .* bottleneck .*(\n.*)* do not pool, (.*\n)*.*23 layers instead of 24\.\n$/,
  );
  expect(existsSync(join(folder, 'runs'))).toBe(false);
  for (const { parameters, macs, parts } of JSON.parse((await densor(...args, '--json')).stdout)
    .configurations) {
    const sum = (key: 'parameters' | 'macs') =>
      parts.reduce((total: number, part: Record<'parameters' | 'macs', number>) => total + part[key], 0);
    expect([sum('parameters'), sum('macs')]).toEqual([parameters, macs]);
  }
});

test('a diverged run is reported, and the others are compared without it', () => {
  const configurations = { fine: {}, wild: { lr: 1e30 } };
  writeFileSync(join(folder, 'rates.json'), JSON.stringify({ configurations, seeds: [0] }));
  const { status, stdout, stderr } = densorProcess(
    folder,
    'compare',
    'rates.json',
    ...BUDGET,
    '--out',
    'out',
  );
  expect(status, stderr).toBe(0);
  expect(stderr).toMatch(/\nrun 2\/2: wild, seed 0: step \d .*NaN or infinity/);
  expect(stdout).toMatch(/\ntrain loss +\d\.\d{4} +–\n/); // One seed: no ±.
  expect(stdout).toMatch(/\ndiverged +none +1 of 1\n$/);
  const [fine, wild] = JSON.parse(read('out/report.json')).configurations;
  expect([fine.runs.length, fine.diverged]).toEqual([1, []]);
  expect([wild.runs, wild.testAccuracy]).toEqual([[], undefined]);
  expect(wild.diverged).toMatchObject([{ seed: 0, folder: 'out/wild/seed-0' }]);
  expect(read('out/report.md')).toContain('| wild, seed 0: diverged | – |');
});

test('errors are one line, and nothing is written', async () => {
  writeFileSync(join(folder, 'typo.json'), JSON.stringify({ ...EXPERIMENT, common: { epohcs: 1 } }));
  writeFileSync(join(folder, 'half.json'), '{"seeds": [');
  const before = readdirSync(folder);
  for (const [args, message] of [
    [['typo.json'], /typo\.json: common\.epohcs: no such field/],
    [['half.json'], /half\.json: line 1, column 12: expected a value or \], not the end/],
    [['soup'], /unknown experiment soup: expected pooling, resnet, notes-121, or a JSON file/],
    [['pooling', '--seeds', '1,1'], /a seed is repeated/],
    [['pooling', '--out', '.'], /not empty and holds no comparison/],
    [['pooling', '--data', 'sample', '--size', '16'], /^densor: configuration average: .*transition/],
  ] as const) {
    const { status, stdout, stderr, lastLine } = await densor('compare', ...args);
    expect([status, stdout], stderr).toEqual([2, '']);
    expect(lastLine).toMatch(message);
    expect(readdirSync(folder)).toEqual(before);
  }
});
