import { describe, expect, test } from 'vitest';
import { type Contender, isPeer, pytorchOf, startProcess } from '../../bench/common/contender.ts';
import { toNchw } from '../../bench/common/input.ts';
import type { LoggedEvent } from '../../bench/common/run-log.ts';
import { inTurns, takeTurns } from '../../bench/common/turns.ts';
import { type EpochReport, epochMarkdown, epochTable } from '../../bench/end-to-end/report.ts';
import { type EpochRun, momentsOf, partsOf, trainArguments } from '../../bench/end-to-end/run.ts';
import { describeConvolution, flopsOf, notesConvolutions, stepTimes } from '../../bench/kernels/case.ts';
import { type KernelReport, kernelMarkdown, kernelTable } from '../../bench/kernels/report.ts';
import { forward, type Layers } from '../../bench/peers/forward.ts';
import { npmPeerOf } from '../../bench/peers/packages.ts';
import { markdownTable } from '../../src/cli/format.ts';
import { densenet } from '../../src/model/densenet.ts';
import { trace } from '../../src/model/trace.ts';
import { modelByName } from '../../src/model/zoo.ts';
import { MACHINE as machine } from '../support/machine.ts';

const contender = (name: string, step: () => Promise<number>): Contender<number> => ({
  name,
  step,
  end: () => {},
});

describe('contenders', () => {
  test('are peers unless they are engines of Densor', () => {
    const names = [
      'native',
      'native:avx2:bf16',
      'wasm:simd128',
      'tfjs:wasm',
      'jax-js',
      'onnxruntime',
      'pytorch:default',
    ];
    expect(names.filter(isPeer)).toEqual(['tfjs:wasm', 'jax-js', 'onnxruntime', 'pytorch:default']);
    expect(names.map(npmPeerOf).filter(Boolean)).toEqual(['tfjs', 'jax-js', 'onnxruntime']);
  });

  test('that are unknown are refused by name', async () => {
    const start = () => contender('nativ:avx2', async () => 1);
    const turns = inTurns(['nativ:avx2'], () => start, { warmUp: 0, rounds: 1 });
    await expect(turns).rejects.toThrow('no contender called nativ:avx2');
  });

  test('of PyTorch have a format and a heap in their names', () => {
    expect(pytorchOf('pytorch:channels_last')).toEqual({ format: 'channels_last', environment: {} });
    const { format, environment } = pytorchOf('pytorch:default+kept-heap');
    expect(format).toBe('default');
    expect(environment).toHaveProperty('MALLOC_MMAP_MAX_', '0');
  });

  test('that fail are excluded with their error, if they are peers', async () => {
    const cannot = async () => Promise.reject(new Error('no kernel for that'));
    const turns = await takeTurns(
      [contender('native:scalar', async () => 1), contender('tfjs:wasm', cannot)],
      { warmUp: 1, rounds: 2 },
    );
    expect([...turns.answers]).toEqual([['native:scalar', [1, 1]]]);
    expect([...turns.failures]).toEqual([['tfjs:wasm', 'no kernel for that']]);
    await expect(takeTurns([contender('wasm:simd128', cannot)], { warmUp: 0, rounds: 1 })).rejects.toThrow(
      'no kernel for that',
    );
  });

  test.each([
    ['an error', `process.stdin.once('data', () => console.log('{"cannot":"add"}'))`, 60_000, /^add$/],
    ['the end', '', 60_000, /ended without an answer/],
    ['nothing in time', 'setInterval(() => {}, 1000)', 500, /no answer within 0\.5 s/],
  ])('that answer with %s fail', async (_, code, capMs, message) => {
    const started = startProcess('tfjs:cpu', process.execPath, ['-e', code], { capMs });
    await expect(started.step()).rejects.toThrow(message);
    started.end();
  });
});

describe('a network for a peer', () => {
  /** Layers that record their calls as a list. */
  const words: Layers<readonly string[]> = {
    conv2d: (x, name) => [...x, `conv2d ${name}`],
    batchNorm: (x, name) => [...x, `batchNorm ${name}`],
    linear: (x, name) => [...x, `linear ${name}`],
    relu: (x) => [...x, 'relu'],
    maxPool: (x) => [...x, 'maxPool'],
    avgPool: (x) => [...x, 'avgPool'],
    globalAvgPool: (x) => [...x, 'globalAvgPool'],
    concat: (a, b) => [...a, ...b.slice(a.length), 'concat'],
    add: (a, b) => [...a, ...b, 'add'],
  };

  test('is evaluated layer by layer with the names of its state', () => {
    const { root } = densenet({ blocks: [1, 1], growthRate: 4, stem: 4 });
    expect(forward(root, [], words)).toEqual([
      ...['conv2d 0.0', 'batchNorm 0.1', 'relu', 'maxPool'],
      ...['batchNorm 1.net.0.0', 'relu', 'conv2d 1.net.0.2', 'concat'],
      ...['batchNorm 2.0', 'relu', 'conv2d 2.2', 'avgPool'],
      ...['batchNorm 3.net.0.0', 'relu', 'conv2d 3.net.0.2', 'concat'],
      ...['batchNorm 4', 'relu', 'globalAvgPool', 'linear 8'],
    ]);
  });

  test.each(['densenet121', 'resnet18-d2l', 'resnet50'])('uses all the state of %s', (name) => {
    const model = modelByName(name);
    const asked = new Set(forward(model.root, [], words).flatMap((word) => word.split(' ')[1] ?? []));
    const { graph } = trace(model, 1, [64, 64], 'evaluate');
    const state = [...graph.state.keys()].map((key) => key.slice(0, key.lastIndexOf('.')));
    expect([...asked].sort()).toEqual([...new Set(state)].sort());
  });

  test('receives images as NCHW', () => {
    expect([...toNchw(Float32Array.of(1, 10, 2, 20, 3, 30, 4, 40), [2, 1, 2, 2])]).toEqual([
      ...[1, 2, 10, 20],
      ...[3, 4, 30, 40],
    ]);
  });
});

describe('single convolutions', () => {
  test("are the notes' last of each block and its transitions'", () => {
    expect(notesConvolutions(96, 2).map(describeConvolution)).toEqual([
      '3×3, 160 → 32, 24×24',
      '1×1, 192 → 96, 24×24',
      '3×3, 192 → 32, 12×12',
      '1×1, 224 → 112, 12×12',
      '3×3, 208 → 32, 6×6',
      '1×1, 240 → 120, 6×6',
      '3×3, 216 → 32, 3×3',
    ]);
  });

  test('divide the time of the records of a step', () => {
    const kinds = [
      'packWeights',
      'conv2d',
      'conv2dGradWeight',
      'reduceGradWeight',
      'packWeights',
      'conv2dGradInput',
      'sgd',
    ] as const;
    expect(stepTimes(kinds, [1, 2, 4, 8, 16, 32, 64])).toEqual({ forward: 3, gradWeight: 12, gradInput: 48 });
  });

  test('have a report in GFLOP/s, with failures of peers', () => {
    const of = { images: 2, size: 10, inChannels: 50, outChannels: 100, kernel: 1 };
    expect(flopsOf(of)).toBe(2e6);
    const times = (ms: number) => [{ inference: ms, forward: ms, gradInput: ms, gradWeight: ms }];
    const report: KernelReport = {
      date: '2026-01-02T03:04:05.678Z',
      command: 'npm run bench:kernels',
      machine,
      rounds: 3,
      threads: 2,
      convolutions: [of],
      results: [
        { name: 'native:avx2', turns: [times(1), times(3), times(2)] },
        { name: 'pytorch:default', turns: [times(4), times(4), times(4)] },
      ],
      failures: { 'pytorch:odd': 'no such format\nat line 1' },
    };
    const table = kernelTable(report);
    expect(table[1]).toEqual(['1×1, 50 → 100, 10×10', 'inference', '1.0', '0.5', '2.00']);
    expect(table.at(-1)).toEqual(['pytorch:odd', 'cannot: no such format', '', '', '']);
    expect(kernelMarkdown(report)).toMatch(/^# Single convolutions, float32, 2 images/);
  });
});

describe('an epoch from end to end', () => {
  const run: EpochRun = {
    spawnedMs: 1000,
    startedMs: 1500,
    trainedMs: 4500,
    evaluatedMs: 5500,
    endedMs: 6000,
    trainLoss: 1.5,
    testAccuracy: 0.5,
  };

  test('has parts that add up', () => {
    expect(partsOf(run)).toEqual({ total: 5, start: 0.5, training: 3, evaluation: 1, end: 0.5 });
  });

  test('is trained on the engine and with the type in the name', () => {
    const of = { limit: 1, size: 32, batch: 1, threads: 1, learningRate: 0.1, seed: 0 };
    const told = (name: string) => trainArguments(name, of).join(' ');
    expect(told('native')).toMatch(/--engine native .*--precision f32$/);
    expect(told('wasm:bf16')).toMatch(/--engine wasm .*--precision bf16$/);
  });

  test("takes Densor's moments from the log", () => {
    const log = [
      { kind: 'start', time: '2026-01-01T00:00:00.000Z' },
      { kind: 'step', time: '2026-01-01T00:00:01.000Z', stepMs: 400 },
      { kind: 'step', time: '2026-01-01T00:00:02.000Z', stepMs: 300 },
      { kind: 'epoch', time: '2026-01-01T00:00:03.000Z', trainLoss: 1, testAccuracy: 0.25 },
    ] as readonly unknown[] as readonly LoggedEvent[];
    const moment = Date.parse('2026-01-01T00:00:00.000Z');
    expect(momentsOf(log)).toEqual({
      startedMs: moment + 600,
      trainedMs: moment + 2000,
      evaluatedMs: moment + 3000,
      trainLoss: 1,
      testAccuracy: 0.25,
    });
  });

  test('has a report with ratios to every peer', () => {
    const report: EpochReport = {
      date: '2026-01-02T03:04:05.678Z',
      command: 'npm run bench:end-to-end',
      densor: 'densor train',
      machine: { ...machine, twoThreads: 1.2 },
      case: { limit: 100, size: 32, batch: 10, threads: 2, learningRate: 0.1, seed: 0 },
      rounds: 1,
      results: [
        { name: 'native', runs: [run] },
        { name: 'pytorch:default', runs: [{ ...run, endedMs: 16_000, version: '1.13' }] },
      ],
    };
    expect(epochTable(report)[1]!.slice(0, 4)).toEqual(['native', '5.00', '5.00 – 5.00', '3.00']);
    expect(epochTable(report)[2]!.slice(0, 4)).toEqual(['pytorch:default (1.13)', '15.0', '15.0 – 15.0', '']);
    expect(epochMarkdown(report)).toMatch(/^\*\*Not two idle cores/);
  });
});

test('a table keeps its columns for any cell content', () => {
  expect(
    markdownTable([
      ['a', 'b'],
      ['x|y', '1'],
    ]),
  ).toBe('| a | b |\n| --- | ---: |\n| x\\|y | 1 |');
});
