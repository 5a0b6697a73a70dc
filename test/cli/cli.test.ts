import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeSafetensors } from '../../src/io/safetensors.ts';
import { RANGE_TEST_TEXT } from '../../src/plot/range-test-text.ts';
import { loadCheckpoint } from '../../src/run/checkpoint-file.ts';
import { densorIn, densorProcess, MAIN, SHORT, SMALL } from '../support/cli.ts';
import { bitsOfAll } from '../support/floats.ts';
import { idxLabels, writeIdxFolder } from '../support/idx.ts';

const golden = (name: string) => fileURLToPath(new URL(`../golden/${name}.safetensors`, import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const densor = (...args: readonly string[]) => densorIn(folder, ...args);
/** Runs a command in a new process; used at least once per command. */
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

describe('invalid usage or input gives one line, status 2, and no files:', () => {
  test.each([
    [['fly'], /unknown command 'fly'/],
    [[], /no command given/],
    [['train', '--sizzle', '3'], /unknown option '--sizzle'/],
    [['train', '--model', 'vgg'], /'vgg' is invalid.*notes/],
    [['train', '--engine', 'cuda'], /'cuda' is invalid.*wasm/],
    [['train', '--data', 'imagenet'], /expected a folder that exists, or fashion-mnist, sample, idx:DIR/],
    [['train', '--batch', '0'], /whole number from 1/],
    [['train', '--batch', '2.5'], /whole number/],
    [['train', '--threads', '0'], /whole number from 1 to 256/],
    [['train', '--lr', 'fast'], /number above 0/],
    [['train', '--recipe', 'soup'], /'soup' is invalid.*notes, d2l, quick, photos, paper-cifar, best/],
    [['train', '--momentum', '1'], /number from 0 and below 1/],
    [['train', '--recipe', 'bset'], /best-longer or fine-tune \(did you mean best\?\)/],
    [['train', '--model', 'densent121'], /\(did you mean densenet121\?\)/],
    [['train', '--data', 'sampel'], /\(did you mean sample\?\)/],
    [['train', '--data', 'photos'], /expected a folder that exists/],
    [['train', '--augment', 'flip,shfit'], /not 'shfit' \(did you mean shift\?\)/],
    [['train', '--bathc', '3'], /Did you mean --batch/],
    [['help', 'trian'], /unknown command 'trian' \(Did you mean train/],
    [['train', '--memory-limit', '4'], /a number without a unit is in bytes: .*\(did you mean 4GiB\?\)/],
    [['train', '--memory-limit', '2048'], /\(did you mean 2048MiB\?\)/],
    [['train', '--memory-limit', '900M'], /\(did you mean 900MiB\?\)/],
    [['train', '--data', 'sample', '--size', '8'], /\(the least --size that works is 29\)/],
    [['summary', 'densenet-40-12', '--size', '3'], /\(the least --size that works is 4\)/],
    [['train', '--weight-decay', '-1'], /number from 0/],
    [['train', '--ema', '0'], /number above 0 and below 1/],
    [['train', '--schedule', 'linear'], /'linear' is invalid.*one-cycle/],
    [['train', '--patience', '3'], /--patience requires validation images: .*--validate/],
    [['train', '--warmup', '11'], /longer than the run of 10/],
    [['train', '--data', 'sample', '--validate', '0.0001'], /takes 0 for validation/],
    [['train', '--precision', 'f16'], /'f16' is invalid/],
    [
      ['train', '--data', 'sample', '--size', '28'],
      /transition 3 .*does not fit into a 1×1 feature map: .* --size that works is 29/,
    ],
    [
      ['train', '--data', 'sample', '--size', '32', '--batch', '1', '--limit', '1'],
      /batch norm needs more than one value per channel/,
    ],
    [
      ['train', '--data', 'sample', '--classes', '5'],
      /sample has 10 classes \(t-shirt, .*\), but --classes is 5: leave that out, or make it 10 or more/,
    ],
    [['train', '--data', 'sample', '--size', '2000', '--batch', '900'], /GiB/],
    [['train', '--out', ''], /--out.*expected a path/],
    [['train', '--resume', ''], /--resume.*expected a path/],
    [['train', '--data', 'idx:'], /expected a folder that exists, or fashion-mnist, sample, idx:DIR/],
    [['train', '--resume', 'nowhere'], /nowhere does not exist/],
    [['evaluate', 'nowhere'], /does not exist/],
    [['summary', 'vgg'], /'vgg' is invalid.*notes, densenet121, .*densenet-bc-D-K/],
    [['bench', '--model', 'densenet-41-12'], /'densenet-41-12' is invalid.*D − 4 a multiple of 3/],
    [['summary', 'densenet121', '--size', '15'], /transition 3 \(features\.transition3\.pool avgPool\)/],
    [['summary', 'notes', '--size', '28'], /transition 3/],
    [['profile', '--model', 'vgg'], /'vgg' is invalid.*notes/],
    [['profile', '--steps', '0'], /whole number from 1/],
    [['profile', '--out', 'picture.png'], /expected the name of an \.svg file/],
    [['profile', '--size', '28'], /transition 3/],
    [['profile', '--size', '32', '--batch', '2', '--engine', 'reference'], /use --engine native or wasm/],
    [['lr-find', '--from', '1', '--to', '0.1'], /--from 1 is not below --to 0.1/],
    [['lr-find', '--out', 'table.txt'], /expected the name of a \.csv file/],
    [['verify', 'missing.safetensors'], /missing.safetensors: does not exist/],
    [['verify', golden('resize')], /not of the one-step format/],
  ])('densor %j', async (args, message) => {
    const { status, stdout, stderr } = await densor(...args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n').length).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('damaged data', async () => {
    writeIdxFolder(join(folder, 'data'), { 'train-labels-idx1-ubyte': idxLabels([1]) });
    const { status, stderr } = alone('train', '--data', 'idx:data', '--out', 'run');
    expect(status).toBe(2);
    expect(stderr).toMatch(/1 label for the 6 images/);
    expect(existsSync(join(folder, 'run'))).toBe(false);
  });

  test('a damaged checkpoint, which is not modified', async () => {
    await densor('train', ...SHORT, '--out', 'run');
    const path = join(folder, 'run/last.safetensors');
    const truncated = readFileSync(path).subarray(0, 5000);
    writeFileSync(path, truncated);
    for (const args of [
      ['train', '--resume', 'run'],
      ['evaluate', 'run'],
    ]) {
      const { status, stderr } = await densor(...args);
      expect([status, stderr]).toEqual([2, expect.stringMatching(/^densor: .*truncated.*\n$/)]);
    }
    expect(readFileSync(path).equals(truncated)).toBe(true);
  });
});

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
    expect(result).toMatchObject({ threads: 1, engine: expect.any(String), isa: expect.any(String) });
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
