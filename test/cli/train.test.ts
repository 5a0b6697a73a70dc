import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadCheckpoint } from '../../src/run/checkpoint-file.ts';
import { densorIn, densorProcess, MAIN, SHORT, SMALL } from '../support/cli.ts';
import { bitsOfAll } from '../support/floats.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const densor = (...args: readonly string[]) => densorIn(folder, ...args);
/** In a process of its own. */
const alone = (...args: readonly string[]) => densorProcess(folder, ...args);

const bestValidationAccuracy = (run: string) => {
  const lines = readFileSync(join(folder, run, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n');
  const epochs = lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === 'epoch');
  return Math.max(...epochs.map(({ validationAccuracy }) => validationAccuracy));
};

describe('densor train', () => {
  test("ends with the notes' two lines and leaves checkpoints, log and curves", async () => {
    const { status, stdout, stderr } = alone('train', ...SMALL, '--out', 'run');
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(
      /^loss \d\.\d{3}, train acc \d\.\d{3}, test acc \d\.\d{3}\n[\d.]+ examples\/sec on cpu \(\w+ [\w-]+, 2 threads\)\n$/,
    );
    expect(stderr).toMatch(/ETA/);
    expect(readdirSync(join(folder, 'run')).sort()).toEqual([
      'best.safetensors',
      'curves.png',
      'curves.svg',
      'last.safetensors',
      'log.jsonl',
    ]);
    const events = readFileSync(join(folder, 'run/log.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.filter(({ kind }) => kind === 'step').map(({ batchSize }) => batchSize)).toEqual([
      40, 40, 20,
    ]);
    expect(readFileSync(join(folder, 'run/curves.svg'), 'utf8')).toContain('test accuracy');
    expect(readFileSync(join(folder, 'run/curves.png')).subarray(1, 4).toString()).toBe('PNG');

    const again = alone('evaluate', 'run', '--json');
    const { testAccuracy } = JSON.parse(again.stdout);
    expect(testAccuracy).toBe(events.find(({ kind }) => kind === 'epoch').testAccuracy);
    expect(await densor('train', ...SMALL, '--out', 'run')).toMatchObject({
      status: 2,
      lastLine: expect.stringContaining('already holds a run'),
    });
    expect((await densor('train', '--resume', 'run')).stdout).toBe(stdout);
  });

  test('keeps the precision it began with: --precision bf16', async () => {
    const { status, stderr } = await densor('train', ...SHORT, '--precision', 'bf16', '--out', 'run');
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/\nrecipe notes: .*feature maps in bf16\n/);
    const [start, ...rest] = readFileSync(join(folder, 'run/log.jsonl'), 'utf8').trim().split('\n');
    expect(JSON.parse(start!).config.precision).toBe('bf16');
    const { testAccuracy } = JSON.parse(rest.find((line) => line.includes('"kind":"epoch"'))!);
    expect(JSON.parse((await densor('evaluate', 'run', '--json')).stdout).testAccuracy).toBe(testAccuracy);
    expect(await densor('train', '--resume', 'run', '--precision', 'f32')).toMatchObject({
      status: 2,
      lastLine: expect.stringContaining('--precision f32 contradicts the run in run, which has bf16'),
    });
  });

  test('follows a recipe that options change, with validation images, and says so', async () => {
    const settings =
      '--optimizer nesterov --weight-decay 0.001 --schedule one-cycle --ema 0.9 --validate 0.2';
    const args = [...SHORT, ...settings.split(' '), '--recipe', 'd2l', '--epochs', '2', '--out', 'run'];
    const { status, stdout, stderr } = await densor('train', ...args);
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(
      /\nrecipe d2l: nesterov 0\.9, lr 0\.01, one-cycle, weight decay 0\.001 on weights, weights averaged with 0\.9, 20% for validation\n/,
    );
    expect(stderr).toMatch(/epoch 1\/2: .*, validation acc \d\.\d{3}/);
    expect(stderr).toMatch(/best epoch: \d, validation acc \d\.\d{3}, test acc \d\.\d{3}\n/);
    expect(stdout).toMatch(/^loss \d\.\d{3}, train acc \d\.\d{3}, test acc \d\.\d{3}\n/);
    const [start] = readFileSync(join(folder, 'run/log.jsonl'), 'utf8').split('\n');
    expect(JSON.parse(start!)).toMatchObject({
      kind: 'start',
      validationImages: 20,
      config: { recipe: 'd2l', momentum: 0.9, schedule: 'one-cycle', lr: 0.01, weightDecayOn: 'weights' },
    });
    expect(readFileSync(join(folder, 'run/curves.svg'), 'utf8')).toMatch(
      /learning rate.*validation accuracy|validation accuracy.*learning rate/s,
    );
    for (const [which, accuracy] of [
      ['last', 'testAccuracy'],
      ['best', 'bestTestAccuracy'],
    ] as const) {
      const told = JSON.parse((await densor('train', '--resume', 'run', '--json')).stdout);
      const { testAccuracy } = JSON.parse(
        (await densor('evaluate', 'run', '--checkpoint', which, '--json')).stdout,
      );
      expect(testAccuracy).toBe(told[accuracy]);
    }
    const best = ['evaluate', 'run', '--checkpoint', 'best', '--json'];
    const validationAccuracy = bestValidationAccuracy('run');
    const validated = JSON.parse((await densor(...best, '--validation')).stdout);
    expect(validated).toMatchObject({ images: 20, validationAccuracy });
    expect(validated).not.toHaveProperty('heldOutAccuracy');
    const formerly = await densor(...best, '--held-out');
    expect(formerly.stderr.match(/.*--held-out.*/g)).toEqual([
      '--held-out is called --validation now: the next version does not know the old name',
    ]);
    expect(JSON.parse(formerly.stdout)).toMatchObject({
      images: 20,
      validationAccuracy,
      heldOutAccuracy: validationAccuracy,
    });
    expect((await densor('evaluate', '--help')).stdout).not.toContain('--held-out');
    expect(await densor('evaluate', 'run', '--validation', '--data', 'sample')).toMatchObject({ status: 2 });
    // By its file a checkpoint is the same network as by its run's folder: the averages.
    const bestFile = join(folder, 'run/best.safetensors');
    expect(
      (await densor('import', bestFile, '--model', 'densenet-bc-10-4', '--out', 'imported')).status,
    ).toBe(0);
    expect(bitsOfAll(loadCheckpoint(join(folder, 'imported/best.safetensors')).state)).toEqual(
      bitsOfAll(loadCheckpoint(bestFile).state),
    );
  });

  test('prints one JSON object and nothing else with --json', async () => {
    const { status, stdout } = await densor('train', ...SHORT, '--json');
    expect(status).toBe(0);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ finished: true, steps: 3, out: 'runs/densenet-bc-10-4-sample-1' });
    expect(result.trainLoss).toBeGreaterThan(0);
  });

  test('saves on Ctrl-C although the reader of its output has ended', async () => {
    const args = ['train', ...SHORT, '--epochs', '30', '--out', 'run'];
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk;
      if (!stderr.includes('step 1/3')) return;
      child.stdout.destroy();
      child.stderr.destroy();
      child.kill('SIGINT');
    });
    expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(1);
    expect(existsSync(join(folder, 'run/run.lock'))).toBe(false);
    const { globalStep } = loadCheckpoint(join(folder, 'run/last.safetensors')).run.progress;
    expect(globalStep).toBeGreaterThan(0);
    expect(globalStep).toBeLessThan(90);
  });

  test('finishes its step on Ctrl-C, saves, prints the resume command, and resumes', async () => {
    const args = ['train', ...SHORT, '--epochs', '30', '--out', 'run'];
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder });
    let [stderr, sent] = ['', false];
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk;
      if (!sent && stderr.includes('step 1/3')) sent = child.kill('SIGINT');
    });
    const status = await new Promise((resolve) => child.on('exit', resolve));
    expect(status, stderr).toBe(1);
    expect(stderr).toMatch(
      /interrupted after step \d+\n.*continue with: node .*main\.js train --resume run --threads 2\n/,
    );
    expect(existsSync(join(folder, 'run/run.lock'))).toBe(false);
    expect(readdirSync(join(folder, 'run'))).toEqual(expect.arrayContaining(['curves.png', 'curves.svg']));
    const resumed = await densor('train', '--resume', 'run', '--json');
    expect(JSON.parse(resumed.stdout)).toMatchObject({ finished: true, steps: 90 });
    const steps = readFileSync(join(folder, 'run/log.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ kind }) => kind === 'step')
      .map(({ globalStep }) => globalStep);
    expect(steps).toEqual(Array.from({ length: 90 }, (_, i) => i + 1));
  });

  test('stops if training diverges, with the step, and keeps the last good checkpoint', async () => {
    const { status, lastLine } = await densor('train', ...SHORT, '--lr', '1e30', '--out', 'run');
    expect(status).toBe(1);
    expect(lastLine).toMatch(
      /step \d+ .*NaN or infinity in the (loss|statistics|gradient) of layer .*last good checkpoint/,
    );
    expect((await densor('evaluate', 'run')).status).toBe(0);
    expect(await densor('evaluate', 'run', '--validation')).toMatchObject({
      status: 2,
      lastLine: expect.stringContaining('this run has no validation images'),
    });
  });

  test('does not resume with contradictory options', async () => {
    await densor('train', ...SHORT, '--out', 'run');
    const before = readFileSync(join(folder, 'run/last.safetensors'));
    for (const [option, value] of [
      ['--batch', '41'],
      ['--lr', '0.2'],
      ['--seed', '1'],
      ['--limit', '99'],
      ['--weight-decay', '0.1'],
      ['--validate', '0.5'],
      ['--out', 'other'],
    ] as const) {
      const { status, lastLine } = await densor('train', '--resume', 'run', option, value);
      expect([status, lastLine]).toEqual([2, expect.stringContaining(`${option} ${value} contradicts`)]);
    }
    expect(readFileSync(join(folder, 'run/last.safetensors')).equals(before)).toBe(true);
  });

  test('does not touch a folder that another process uses', async () => {
    const { hostname } = process.env;
    await densor('train', ...SHORT, '--out', 'run');
    writeFileSync(
      join(folder, 'run/run.lock'),
      `${process.pid} ${hostname ?? spawnSync('hostname', { encoding: 'utf8' }).stdout.trim()}\n`,
    );
    expect(await densor('train', '--resume', 'run')).toMatchObject({
      status: 2,
      lastLine: expect.stringContaining('in use by process'),
    });
  });
});
