import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeSafetensors } from '../../src/io/safetensors.ts';
import { RANGE_TEST_TEXT } from '../../src/plot/range-test-text.ts';
import { densorIn, densorProcess } from '../support/cli.ts';
import { goldenPath } from '../support/golden.ts';

const golden = (name: string) => goldenPath(`${name}.safetensors`);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const densor = (...args: readonly string[]) => densorIn(folder, ...args);
/** Runs a command in a new process; used at least once per command. */
const alone = (...args: readonly string[]) => densorProcess(folder, ...args);

describe('densor', () => {
  test("summary gives the notes' trace, parameters, multiplications and planned bytes", async () => {
    const { stdout } = alone('summary', 'notes', '--json');
    const { parameters, macs, plannedPeakBytes, layers } = JSON.parse(stdout);
    expect([parameters, macs]).toEqual([758_226, 702_742_448]);
    expect(plannedPeakBytes).toBeGreaterThan(1e6);
    expect(layers.map(({ outputShape }: { outputShape: number[] }) => outputShape.join('×'))).toEqual([
      '1×64×56×56',
      '1×192×56×56',
      '1×96×28×28',
      '1×224×28×28',
      '1×112×14×14',
      '1×240×14×14',
      '1×120×7×7',
      '1×248×7×7',
      '1×248×7×7',
      '1×248×7×7',
      '1×248×1×1',
      '1×248',
      '1×10',
    ]);
    for (const [size, expected] of [
      [64, 57_369_008],
      [96, 129_077_168],
    ] as const) {
      expect(JSON.parse((await densor('summary', 'notes', '--size', `${size}`, '--json')).stdout).macs).toBe(
        expected,
      );
    }
    const planned = async (precision: string) =>
      JSON.parse(
        (await densor('summary', 'notes', '--batch', '64', '--precision', precision, '--json')).stdout,
      ).plannedPeakBytes;
    expect((await planned('bf16')) / (await planned('f32'))).toBeLessThan(0.55);
    expect((await densor('summary', 'notes')).stdout).toMatch(/DenseBlock +1×192×56×56 +130,048\n/);
  });

  test('summary takes every network by name, with other channels and classes', async () => {
    const summary = async (...args: readonly string[]) =>
      JSON.parse((await densor('summary', ...args, '--json')).stdout);
    const { parameters, macs, layers } = await summary('densenet121');
    expect([parameters, macs]).toEqual([7_978_856, 2_834_161_664]);
    expect(layers[4]).toEqual({ name: 'denseblock1', outputShape: [1, 256, 56, 56], parameters: 335_040 });
    expect(layers.at(-1)).toEqual({ name: 'classifier', outputShape: [1, 1000], parameters: 1_025_000 });
    const other = await summary('densenet121', '--channels', '1', '--classes', '10');
    expect(other.parameters).toBe(parameters - 2 * 64 * 49 - 990 * 1025);
    expect((await summary('densenet-bc-100-12')).layers[0].outputShape).toEqual([1, 24, 32, 32]);
  });

  test("trains, evaluates and measures other networks for the data's channels and classes", async () => {
    const model = 'densenet-bc-10-4';
    const tiny = ['--data', 'sample', '--size', '16', '--batch', '100', '--limit', '100', '--epochs', '1'];
    const { status, stderr } = await densor('train', '--model', model, ...tiny, '--out', 'run');
    expect(status, stderr).toBe(0);
    const { tensors } = decodeSafetensors(readFileSync(join(folder, 'run/last.safetensors')), 'last');
    expect(tensors.get('features.conv0.weight')!.shape).toEqual([8, 1, 3, 3]);
    expect(tensors.get('classifier.bias')!.shape).toEqual([10]);
    expect(JSON.parse((await densor('evaluate', 'run', '--json')).stdout).testLoss).toBeGreaterThan(0);
    const step = ['--batch', '2', '--steps', '1', '--json'];
    const profile = await densor('profile', '--model', model, ...step);
    expect(JSON.parse(profile.stdout).size, profile.stderr).toBe(32);
    const bench = await densor('bench', '--model', 'resnet18', '--size', '33', ...step);
    expect(JSON.parse(bench.stdout).stepMs, bench.stderr).toHaveLength(1);
  });

  test('bench measures steps and reports memory', async () => {
    const args = '--size 32 --batch 8 --steps 2 --threads 1 --json'.split(' ');
    const { stdout } = alone('bench', ...args);
    const result = JSON.parse(stdout);
    expect(result.stepMs.length).toBe(2);
    const about = { model: 'notes', size: 32, batch: 8, threads: 1 };
    expect(result).toMatchObject({ ...about, engine: expect.any(String), isa: expect.any(String) });
    expect(result.plannedPeakBytes).toBeLessThan(result.peakRssBytes);
  });

  test('profile shows the time of a step by kernel, and plots it', async () => {
    const small = ['--size', '32', '--batch', '8', '--steps', '2', '--threads', '2'];
    const { status, stdout, stderr } = alone('profile', ...small, '--out', 'pictures/p.svg', '--json');
    expect(status, stderr).toBe(0);
    const { peak, stepMs, total, kinds, records, files, engine, threads } = JSON.parse(stdout);
    expect([engine, threads, stepMs.length]).toEqual([expect.any(String), 2, 2]);
    expect(peak).toEqual({ flopsPerSecond: expect.any(Number), bytesPerSecond: expect.any(Number) });
    const sum = (rows: Record<string, number>[], key: string) =>
      rows.reduce((all, row) => all + row[key]!, 0);
    for (const rows of [records, kinds]) {
      expect(sum(rows, 'share')).toBeCloseTo(1, 9);
      expect(sum(rows, 'ms')).toBeCloseTo(total.ms, 6);
    }
    expect(total.ms).toBeLessThanOrEqual(Math.min(...stepMs));
    expect(total.ofPeak).toBeCloseTo(total.flopsPerSecond / peak.flopsPerSecond, 9);
    expect(records[0]).toMatchObject({
      index: 0,
      layer: expect.stringContaining('stem'),
      kind: 'packWeights',
      flops: 0,
      bytes: 2 * 4 * 64 * 49,
      limitedBy: 'memory',
    });
    expect(new Set(kinds.map(({ kind }: { kind: string }) => kind)).size).toBe(kinds.length);

    expect(files).toEqual(['pictures/p.svg', 'pictures/p.png']);
    const svg = readFileSync(join(folder, 'pictures/p.svg'), 'utf8');
    expect(svg).toMatch(/multiply-adds [\d.]+ GFLOP\/s/);
    expect(svg).toContain('conv2dGradWeight');
    expect(readFileSync(join(folder, 'pictures/p.png')).subarray(1, 4).toString()).toBe('PNG');

    const table = (await densor('profile', ...small)).stdout;
    expect(table).toMatch(/^kind +records +ms +share +GFLOP\/s +moved .*reached$/m);
    expect(table).toMatch(/^conv2dGradWeight +\d+ /m);
    expect(table).toMatch(/the 20 costliest records/);
    expect(readdirSync(join(folder, 'runs')).sort()).toEqual(['profile-notes.png', 'profile-notes.svg']);
  });

  test('lr-find suggests a learning rate, writes a table and its plot, and no run', async () => {
    const args = '--data sample --size 32 --batch 50 --limit 200 --steps 50 --to 100 --threads 2'.split(' ');
    const { status, stdout, stderr } = alone('lr-find', ...args, '--json');
    expect(status, stderr).toBe(0);
    const { points, suggestion, files } = JSON.parse(stdout);
    expect(points.length).toBeLessThanOrEqual(50);
    expect(points[0].learningRate).toBeCloseTo(1e-5, 12);
    expect(suggestion).toBeGreaterThan(1e-4);
    expect(suggestion).toBeLessThan(10);
    expect(files).toEqual(['csv', 'svg', 'png'].map((end) => `runs/lr-find-notes-sample.${end}`));
    expect(readdirSync(join(folder, 'runs')).length).toBe(3);
    const [head, ...rows] = readFileSync(join(folder, files[0]), 'utf8').trim().split('\n');
    expect([head, rows.length]).toEqual(['learning_rate,loss,smoothed_loss', points.length]);
    expect(rows[3]!.split(',').map(Number)).toEqual(Object.values(points[3]));
    const picture = readFileSync(join(folder, files[1]), 'utf8');
    for (const text of ['┃ suggested ', RANGE_TEST_TEXT]) expect(picture).toContain(text);
    expect(readFileSync(join(folder, files[2])).subarray(1, 4).toString()).toBe('PNG');
  });

  test("verify replays PyTorch's step, and fails with status 1 past a bound", async () => {
    const good = alone('verify', golden('small_avg'), golden('small_max'));
    expect(good.status).toBe(0);
    expect(good.stdout).toMatch(/grad .* ok/);
    const bytes = readFileSync(golden('small_avg'));
    const text = bytes.toString('latin1').replace(/"lr": "0\.1"/, '"lr": "0.2"');
    writeFileSync(join(folder, 'other.safetensors'), Buffer.from(text, 'latin1'));
    const bad = alone('verify', 'other.safetensors', '--json');
    expect(bad.status).toBe(1);
    const { passed, files } = JSON.parse(bad.stdout);
    expect(passed).toBe(false);
    const failed = files[0].groups.filter((group: { passed: boolean }) => !group.passed);
    expect(failed.map(({ group }: { group: string }) => group)).toContain('after');
  });

  test('prints its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(alone('--version')).toMatchObject({ status: 0, stdout: `${version}\n` });
  });

  test('prints help', async () => {
    const { status, stdout } = await densor('--help');
    expect(status).toBe(0);
    for (const command of ['train', 'lr-find', 'compare', 'evaluate', 'predict', 'import'])
      expect(stdout).toContain(command);
    for (const command of ['export', 'summary', 'bench', 'profile', 'verify'])
      expect(stdout).toContain(command);
  });
});
