import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadCheckpoint, saveCheckpoint } from '../../src/run/checkpoint-file.ts';
import { type RunState, readerOf } from '../../src/train/checkpoint.ts';
import { densorIn, eventsOf, MAIN, TINY } from '../support/cli.ts';
import { bitsOfAll } from '../support/floats.ts';
import { goldenPath } from '../support/golden.ts';
import { writeIdxFolder } from '../support/idx.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const densor = (line: string, ...words: readonly string[]) => densorIn(folder, ...line.split(' '), ...words);
const train = (line: string) => densor(`train ${line}`, ...TINY, '--limit', '48');
const last = (run: string) => loadCheckpoint(join(folder, run, 'last.safetensors'));

/** What must be equal in two equal runs: everything except times and paths. */
function numbersOf(run: string, which: 'last' | 'best' = 'last') {
  const checkpoint = loadCheckpoint(join(folder, run, `${which}.safetensors`));
  const { logBytes: _, progress, ...state } = checkpoint.run;
  const { trainMs: __, ...done } = progress;
  return { state, done, bits: [...bitsOfAll(checkpoint.training.state)] };
}

/** Rewrites a checkpoint with a changed state of the run. */
async function changeState(run: string, change: (state: RunState) => RunState): Promise<void> {
  const path = join(folder, run, 'last.safetensors');
  const { run: state, training } = loadCheckpoint(path);
  const shapes = new Map(
    [...training.shapes].map(([name, shape]) => [name, { role: 'buffer' as const, shape }]),
  );
  await saveCheckpoint(path, { run: change(state), state: readerOf(training.state) }, shapes);
}

describe('a run resumed for more epochs', () => {
  test.each([['--momentum 0.9'], ['--validate 0.25 --ema 0.9 --seed 5']])(
    'ends with the bits of one that was asked for them from the start (%s)',
    async (settings) => {
      expect((await train(`${settings} --epochs 3 --out whole`)).status).toBe(0);
      expect((await train(`${settings} --epochs 1 --out run`)).status).toBe(0);
      expect((await densor('train --resume run --epochs 3')).status).toBe(0);
      expect(numbersOf('run')).toEqual(numbersOf('whole'));
      const told = (run: string, kind: string) =>
        eventsOf(join(folder, run))
          .filter((event) => event.kind === kind)
          .map(({ globalStep, epoch, trainLoss, validationAccuracy }) => [
            ...[globalStep, epoch, trainLoss, validationAccuracy],
          ]);
      for (const kind of ['step', 'epoch', 'end']) expect(told('run', kind)).toEqual(told('whole', kind));
    },
  );

  test('with a learning-rate schedule is refused with advice; fewer epochs than done too', async () => {
    await train('--schedule cosine --epochs 1 --out run');
    const before = readFileSync(join(folder, 'run/last.safetensors'));
    expect(await densor('train --resume run --epochs 2')).toMatchObject({
      status: 2,
      lastLine: expect.stringMatching(/cosine schedule was made for 1: .*train --from run --epochs N$/),
    });
    expect(readFileSync(join(folder, 'run/last.safetensors')).equals(before)).toBe(true);
    expect((await densor('train --resume run --epochs 1')).status).toBe(0);
    await train('--epochs 2 --out longer');
    expect(await densor('train --resume longer --epochs 1')).toMatchObject({
      status: 2,
      lastLine: 'densor: --epochs 1: the run in longer is in epoch 2 already',
    });
  });
});

test('a run resumes with another engine, which is reported once and recorded', async () => {
  await train('--epochs 1 --engine wasm --out run');
  const { stderr, status } = await densor('train --resume run --epochs 2 --engine reference');
  expect(status, stderr).toBe(0);
  expect(stderr.match(/this run used wasm \S+ and now uses reference float64/g)).toHaveLength(1);
  expect(last('run').run.engine).toBe('reference');
  expect((await densor('train --resume run')).stderr).not.toMatch(/this run used/);
});

test('resuming a finished run prints its result again, and its log has one end', async () => {
  const first = await train('--validate 0.25 --patience 1 --epochs 2 --out run');
  const bits = numbersOf('run');
  for (const _ of [1, 2]) {
    const again = await densor('train --resume run');
    expect(again.status).toBe(0);
    expect(again.stdout.split('\n')[0]).toBe(first.stdout.split('\n')[0]);
  }
  expect(numbersOf('run')).toEqual(bits);
  expect(eventsOf(join(folder, 'run')).filter(({ kind }) => kind === 'end')).toHaveLength(1);
});

describe('a run whose data was moved', () => {
  beforeEach(async () => {
    writeIdxFolder(join(folder, 'data'));
    await densor(
      'train --data idx:data --size 16 --batch 3 --epochs 1 --model densenet-bc-10-4 --threads 1 --out run',
    );
    renameSync(join(folder, 'data'), join(folder, 'moved'));
  });

  test('says how to give the new location', async () => {
    const lastLine = expect.stringMatching(
      /^densor: data does not exist: .*pass its new location with --data idx:DIR$/,
    );
    expect(await densor('train --resume run')).toMatchObject({ status: 2, lastLine });
    expect(await densor('evaluate run')).toMatchObject({ status: 2, lastLine });
  });

  test('resumes with the new location, and stores it', async () => {
    const { status, stderr } = await densor('train --resume run --epochs 2 --data idx:moved');
    expect(status, stderr).toBe(0);
    expect(last('run').run.config.data).toBe('idx:moved');
    expect((await densor('train --resume run')).status).toBe(0);
    const elsewhere = join(folder, 'elsewhere');
    mkdirSync(elsewhere);
    expect(
      (await densorIn(elsewhere, ...'train --resume ../run --data idx:../moved'.split(' '))).status,
    ).toBe(0);
  });

  test('does not resume with other data', async () => {
    expect(await densor('train --resume run --data sample')).toMatchObject({
      status: 2,
      lastLine: expect.stringMatching(
        /^densor: sample: images or labels are not those of the run in run: .*--data/,
      ),
    });
  });
});

describe('a run of an earlier version', () => {
  const fixture = (name: string) => goldenPath(`run-format-1/${name}`);
  const stepsOf = (run: string) =>
    eventsOf(run)
      .filter(({ kind }) => kind === 'step')
      .map(({ globalStep, loss, trainLoss }) => [globalStep, loss, trainLoss]);

  // Bit-identical up to numerics 2, which changed the order of sums over a batch.
  test('of format 1 (commit 0ae2c70) resumes with one warning, with the result of that version', async () => {
    cpSync(fixture('interrupted'), join(folder, 'run'), { recursive: true });
    const whole = fixture('whole');
    // The process ended while it wrote its log.
    writeFileSync(join(folder, 'run/log.jsonl'), '{"kind":"step","globalStep":6}\n{"ki', { flag: 'a' });
    const { status, stderr } = await densor('train --resume run');
    expect(status, stderr).toBe(0);
    expect(stderr.match(/warning: [^\n]*/g)).toEqual([
      'warning: this run was trained by an older version of densor: results will differ in the last bits',
    ]);
    const [mine, theirs] = [stepsOf(join(folder, 'run')), stepsOf(whole)];
    expect(mine.map(([step]) => step)).toEqual(theirs.map(([step]) => step));
    // Earlier steps are unchanged; new ones differ in the last bits, and the differences grow.
    const before = stepsOf(fixture('interrupted')).length;
    expect(mine.slice(0, before)).toEqual(theirs.slice(0, before));
    for (const [i, [, loss]] of mine.entries())
      expect(Math.abs((loss as number) / (theirs[i]![1] as number) - 1), `step ${i}`).toBeLessThan(1e-3);
    const { state, done } = numbersOf('run');
    copyFileSync(join(whole, 'last.safetensors'), join(folder, 'last.safetensors'));
    const theirRun = numbersOf('.');
    expect(state).toMatchObject({ format: 2, numerics: 2, config: theirRun.state.config });
    expect(done.globalStep).toBe(theirRun.done.globalStep);
  });

  test('with different numerics resumes with one warning', async () => {
    await train('--epochs 1 --out run');
    await changeState('run', (state) => ({ ...state, numerics: 0 }));
    const { status, stderr } = await densor('train --resume run --epochs 2');
    expect(status).toBe(0);
    expect(stderr.match(/warning: this run was trained by an older version of densor/g)).toHaveLength(1);
    expect((await densor('train --resume run')).stderr).not.toMatch(/warning/);
  });
});

describe('the same command can be repeated', () => {
  test('after an import that ended between its two files', async () => {
    await train('--epochs 1 --out run');
    const line = 'import run/last.safetensors --model densenet-bc-10-4 --out imported';
    expect((await densor(line)).status).toBe(0);
    rmSync(join(folder, 'imported/last.safetensors'));
    const { status, stderr } = await densor(line);
    expect(status, stderr).toBe(0);
    expect(readdirSync(join(folder, 'imported')).sort()).toEqual(['best.safetensors', 'last.safetensors']);
    const before = readFileSync(join(folder, 'imported/last.safetensors'));
    // As if the import was interrupted after its last file: repeating it succeeds.
    expect((await densor(line)).status).toBe(0);
    expect(await densor(`${line} --size 8`)).toMatchObject({
      status: 2,
      lastLine: expect.stringContaining('imported already holds a run'),
    });
    expect(readFileSync(join(folder, 'imported/last.safetensors')).equals(before)).toBe(true);
  });

  test('but never overwrites a trained network', async () => {
    await train('--epochs 1 --out run');
    rmSync(join(folder, 'run/last.safetensors'));
    expect(await train('--epochs 1 --out run')).toMatchObject({
      status: 2,
      lastLine: expect.stringMatching(
        /run holds the best checkpoint of a run .*--from run\/best\.safetensors$/,
      ),
    });
  });

  test('after a comparison that ended before it stored its experiment', async () => {
    const experiment = {
      common: { epochs: 1, model: 'densenet-bc-10-4', data: 'sample', size: 16, batch: 16, limit: 16 },
      configurations: { a: { lr: 0.1 }, b: { lr: 0.2 } },
    };
    writeFileSync(join(folder, 'e.json'), JSON.stringify({ ...experiment, seeds: [0] }));
    mkdirSync(join(folder, 'out'));
    writeFileSync(join(folder, 'out/run.lock'), '');
    writeFileSync(join(folder, 'out/experiment.json.0123456789abcdef.partial'), '{');
    const { status, stderr } = await densor('compare e.json --threads 1 --out out');
    expect(status, stderr).toBe(0);
  });

  test('if the folder is locked by an ended job on another machine', async () => {
    await train('--epochs 1 --out run');
    const lock = join(folder, 'run/run.lock');
    writeFileSync(lock, '7 worker-0a1b2c\n');
    expect(await densor('train --resume run')).toMatchObject({
      status: 2,
      lastLine: expect.stringMatching(/in use by process 7 on worker-0a1b2c, last heard of \d+ s ago/),
    });
    const time = Date.now() / 1000 - 120;
    utimesSync(lock, time, time);
    expect((await densor('train --resume run')).status).toBe(0);
    expect(existsSync(lock)).toBe(false);
  });

  test('reports the obstacle if the lock is not a file', async () => {
    mkdirSync(join(folder, 'run/run.lock'), { recursive: true });
    expect(await train('--epochs 1 --out run')).toMatchObject({
      status: 2,
      lastLine: 'densor: RUN/run.lock is a folder and not a lock: remove it'.replace(
        'RUN',
        join(folder, 'run'),
      ),
    });
  });
});

describe('a file system', () => {
  /** Runs with a module that replaces functions of node:fs. */
  function withHook(source: string, line: string) {
    const hook = join(folder, 'hook.mjs');
    writeFileSync(
      hook,
      `import fs from 'node:fs';\nimport { syncBuiltinESMExports } from 'node:module';\n${source}\nsyncBuiltinESMExports();`,
    );
    const words = [
      '--import',
      hook,
      MAIN,
      'train',
      ...TINY,
      '--limit',
      '16',
      '--epochs',
      '1',
      ...line.split(' '),
    ];
    return spawnSync(process.execPath, words, { cwd: folder, encoding: 'utf8' });
  }
  const failing = (call: string, code: string, when = 'true') => `
    const { ${call}: real } = fs;
    fs.${call} = (...args) => {
      if (${when}) throw Object.assign(new Error('${code}: not here, ${call}'), { code: '${code}', syscall: '${call.replace('Sync', '')}' });
      return real(...args);
    };`;

  test.each(['EINVAL', 'EPERM'])('that cannot sync (%s) does not end a run', (code) => {
    const { status, stderr } = withHook(failing('fsyncSync', code), '--out run');
    expect(status, stderr).toBe(0);
  });

  test('that fails to sync ends it with a message', () => {
    const { status, stderr } = withHook(failing('fsyncSync', 'EIO'), '--out run');
    expect([status, stderr.trim().split('\n').at(-1)]).toEqual([
      2,
      expect.stringMatching(/^densor: run: input\/output error \(EIO\): check the disk/),
    ]);
    expect(existsSync(join(folder, 'run'))).toBe(false);
  });

  test('that refuses plots does not end a run', () => {
    const refuse = failing('renameSync', 'EIO', 'String(args[1]).includes("curves")');
    const { status, stderr } = withHook(refuse, '--out run');
    expect(status, stderr).toBe(0);
    expect(
      stderr.match(/warning: the curves cannot be drawn: run\/curves\.svg: input\/output error/g),
    ).toHaveLength(1);
    expect(eventsOf(join(folder, 'run')).at(-1)!.kind).toBe('end');
  });

  test.skipIf(process.getuid?.() !== 0)('with an inaccessible run.lock is reported', () => {
    mkdirSync(join(folder, 'run'));
    chmodSync(folder, 0o777);
    chmodSync(join(folder, 'run'), 0o777);
    writeFileSync(join(folder, 'run/run.lock'), '', { mode: 0o600 });
    const user = ['--reuid', '12345', '--regid', '12345', '--clear-groups', process.execPath, MAIN, 'train'];
    const words = [...user, ...TINY, ...'--limit 16 --epochs 1 --out run'.split(' ')];
    const { status, stderr } = spawnSync('setpriv', words, { cwd: folder, encoding: 'utf8' });
    expect([status, stderr.trim().split('\n').at(-1)]).toEqual([
      2,
      expect.stringMatching(/run\.lock: no permission \(EACCES\)/),
    ]);
  });
});
