import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { densorIn, densorProcess } from '../support/cli.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const MIB = 2 ** 20;
const STEP = ['--model', 'densenet-bc-40-12', '--size', '32', '--batch', '64', '--threads', '1'];
const bench = (...args: readonly string[]) => densorIn(folder, 'bench', ...STEP, '--steps', '1', ...args);
const run = '--recipe notes --data sample --size 64 --batch 64 --limit 192 --epochs 1'.split(' ');
const train = (...args: readonly string[]) =>
  densorIn(folder, 'train', ...run, '--threads', '1', '--out', 'run', ...args);

/** The smallest limit named in an error. */
function smallest(stderr: string): string {
  const found = /the smallest limit that works is (\d+MiB); use that/.exec(stderr)?.[1];
  if (!found) throw new Error(`no limit in: ${stderr}`);
  return found;
}

describe('--memory-limit', () => {
  test('that is too small ends bench with status 2, and the suggested one works', async () => {
    // A deep network: its rematerialization plans need tens of megabytes, which must be freed before the step.
    const deep = ['--model', 'densenet-bc-100-12', '--batch', '16'];
    const refused = await bench(...deep, '--memory-limit', '10MiB');
    expect(refused).toMatchObject({ status: 2, stdout: '' });
    expect(refused.stderr).toMatch(/^densor: --memory-limit 10MiB is too small: [^\n]*\n$/);
    const limit = smallest(refused.stderr);
    const args = [...STEP, '--steps', '1', ...deep, '--memory-limit', limit, '--json'];
    const { status, stdout, stderr } = densorProcess(folder, 'bench', ...args);
    expect(status).toBe(0);
    expect(stderr).toMatch(
      /^memory: recomputed instead of kept: .* \([\d.]+ MiB less, about [\d.]+% slower\)$/m,
    );
    const { peakRssBytes } = JSON.parse(stdout) as { peakRssBytes: number };
    expect(peakRssBytes).toBeLessThan(1.05 * Number.parseInt(limit, 10) * MIB);
  });

  test('changes no bit of the training, and reports its choices', async () => {
    const refused = await train('--memory-limit', '1MiB');
    expect(refused.status).toBe(2);
    expect(existsSync(join(folder, 'run'))).toBe(false);
    const limited = await train('--memory-limit', smallest(refused.stderr), '--json');
    expect(limited.status).toBe(0);
    expect(limited.stderr).toMatch(/^memory: images are read from a temporary file/m);
    expect(readdirSync(join(folder, 'run'))).toEqual(
      expect.arrayContaining(['curves.png', 'last.safetensors']),
    );
    rmSync(join(folder, 'run'), { recursive: true });
    const free = await train('--json');
    expect(free.stderr).not.toMatch(/^memory:/m);
    const results = [limited, free].map(({ stdout }) => {
      const { trainLoss, testAccuracy } = JSON.parse(stdout) as { trainLoss: number; testAccuracy: number };
      return { trainLoss, testAccuracy };
    });
    expect(results[0]).toEqual(results[1]);
  });

  test('applies to inference', async () => {
    const refused = await bench('--inference', '--memory-limit', '10MiB');
    expect(refused).toMatchObject({ status: 2, stdout: '' });
    expect((await bench('--inference', '--memory-limit', smallest(refused.stderr))).status).toBe(0);
    expect(await bench('--inference', '--micro-batch', '2')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--micro-batch applies only to training steps'),
    });
  });

  test('may be smaller if feature maps are stored in bfloat16', async () => {
    const limit = smallest((await bench('--memory-limit', '10MiB')).stderr);
    const less = smallest((await bench('--memory-limit', '10MiB', '--precision', 'bf16')).stderr);
    expect(Number.parseInt(less, 10)).toBeLessThan(Number.parseInt(limit, 10));
    expect((await bench('--memory-limit', less, '--precision', 'bf16')).status).toBe(0);
  });

  test('shows the candidate it would choose', async () => {
    const { status, stdout } = await densorIn(
      folder,
      'summary',
      'notes',
      '--batch',
      '256',
      '--memory-limit',
      '1.5GiB',
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\+ the stem {2}← fits the limit /m);
  });

  test('is satisfied by bfloat16 and micro-batches if allowed, which is reported', async () => {
    const allowed = ['--precision', 'auto', '--micro-batch', 'auto'];
    expect((await bench('--memory-limit', '10MiB')).stderr).toMatch(
      /use that, or --precision auto, or --micro-batch auto, or a smaller --batch or --size\n$/,
    );
    const refused = await bench('--memory-limit', '10MiB', ...allowed);
    expect(refused.stderr).toMatch(/use that, or a smaller --batch or --size\n$/);
    const { status, stdout, stderr } = await bench(
      '--memory-limit',
      smallest(refused.stderr),
      ...allowed,
      '--json',
    );
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ precision: 'bf16', microBatch: 2 });
    expect(stderr).toMatch(
      /^memory: feature maps in bf16, micro-batches of 2: batch norm statistics per micro-batch, gradients accumulated over 64 images \([\d.]+ MiB less, about [\d.]+% \w+er\)$/m,
    );
    // If the preferred form fits, nothing changes.
    expect(JSON.parse((await bench(...allowed, '--json')).stdout)).toMatchObject({ precision: 'f32' });
    const halved = await bench('--memory-limit', '150MiB', '--micro-batch', 'auto', '--json');
    expect(JSON.parse(halved.stdout)).toMatchObject({ precision: 'f32', microBatch: 32 });
  });

  test('decides the form of a run only once: a resumed run keeps it', async () => {
    const large = ['--size', '96', '--batch', '128', '--limit', '128', '--memory-limit', '190MiB'];
    expect((await train(...large)).stderr).toContain('--memory-limit 190MiB is too small');
    const begun = await train(...large, '--micro-batch', 'auto');
    expect(begun.status, begun.stderr).toBe(0);
    expect(begun.stderr).toMatch(/^memory: micro-batches of \d+: batch norm statistics per micro-batch/m);
    const { config } = JSON.parse(readFileSync(join(folder, 'run/log.jsonl'), 'utf8').split('\n')[0]!);
    expect(config).toMatchObject({ batch: 128, microBatch: 64 });
    const resumed = await densorIn(
      folder,
      'train',
      '--resume',
      'run',
      '--micro-batch',
      'auto',
      '--threads',
      '1',
    );
    expect(resumed.status, resumed.stderr).toBe(0);
    expect(resumed.stderr).not.toMatch(/^memory: micro/m);
  });

  test('of words is refused', async () => {
    expect(await bench('--memory-limit', 'much')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('expected a memory size such as 4GiB'),
    });
  });
});
