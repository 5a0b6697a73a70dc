import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { densorIn, densorProcess } from '../support/cli.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const NOTES = 'summary notes --size 64 --batch 8 --threads 2'.split(' ');
const summary = (...args: readonly string[]) => densorIn(folder, ...NOTES, ...args);

describe('densor summary --memory', () => {
  test('prints buffers, reasons and the search, and draws them', async () => {
    const { status, stdout, stderr } = await summary('--memory');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^the 25 largest buffers +bytes +from +to +first used +last used$/m);
    expect(stdout).toMatch(/^feature maps of dense block 1 .* forward, stem +backward, stem$/m);
    expect(stdout).toMatch(/^\d+ smaller: packed weights +[\d.]+ \wiB$/m);
    expect(stdout).toMatch(/^scratch of 2 threads /m);
    expect(stdout).toMatch(/^recomputed in the backward pass +planned +saved +predicted time\nnothing /m);
    expect(readdirSync(join(folder, 'runs')).sort()).toEqual(['memory-notes.png', 'memory-notes.svg']);
  });

  test('gives everything as one JSON object, which adds up', async () => {
    const { status, stdout } = densorProcess(folder, ...NOTES, '--memory', '--json', '--out', 'p/m.svg');
    expect(status).toBe(0);
    const memory = JSON.parse(stdout);
    expect(memory).toMatchObject({
      model: 'notes',
      size: 64,
      batch: 8,
      threads: 2,
      files: ['p/m.svg', 'p/m.png'],
    });
    const { persistentBytes, transientBytes, scratchBytes, search, buffers, peak } = memory;
    expect(persistentBytes + transientBytes + 2 * scratchBytes).toBe(memory.plannedPeakBytes);
    expect(search[0]).toMatchObject({
      plannedPeakBytes: memory.plannedPeakBytes,
      predictedSlowdown: 0,
      recomputed: 'nothing',
    });
    const inUse = buffers.filter(
      ({ slab, first, last }: { slab: string; first: number; last: number }) =>
        slab === 'transient' && first <= peak.record && peak.record <= last,
    );
    expect(inUse.reduce((sum: number, { bytes }: { bytes: number }) => sum + bytes, 0)).toBe(peak.bytes);
    expect(buffers[0]).toMatchObject({ name: 'images', reason: 'input images', role: 'input', first: 0 });
    expect(readFileSync(join(folder, 'p/m.png')).subarray(1, 4).toString()).toBe('PNG');
    expect(readFileSync(join(folder, 'p/m.svg'), 'utf8')).toContain('dense block 1');
  });

  test('shows the largest part of a step in micro-batches, and the choice of auto', async () => {
    const json = async (...args: readonly string[]) =>
      JSON.parse((await summary('--memory', '--json', ...args)).stdout);
    const parts = await json('--micro-batch', '4');
    expect(parts).toMatchObject({ microBatch: 4, others: [] });
    expect(parts.buffers[0]).toMatchObject({ name: 'images', bytes: 4 * 64 * 64 * 4 });
    const { others } = await json('--precision', 'auto', '--micro-batch', 'auto');
    expect(others).toMatchObject([
      { precision: 'bf16' },
      { precision: 'bf16', microBatch: 4 },
      { precision: 'bf16', microBatch: 2 },
    ]);
    const none = await json('--memory-limit', '1MiB', '--micro-batch', 'auto');
    expect(none).toMatchObject({
      chosen: null,
      microBatch: 2,
      others: [{ microBatch: 4 }, { microBatch: 2 }],
    });
    expect((await summary('--memory-limit', '4GiB', '--precision', 'auto')).stdout).toMatch(
      /^other choices of auto, nothing recomputed +planned +predicted time\nfeature maps in bf16 +[\d.]+ MiB +[−+][\d.]+%$/m,
    );
  });

  test('plans for evaluations are not available: with one value per channel there is no training step', async () => {
    const { status, stderr } = await densorIn(folder, 'summary', 'notes', '--size', '32', '--memory');
    expect([status, stderr]).toEqual([2, expect.stringMatching(/batch norm needs more than one value.*\n$/)]);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('writes neither file if one cannot be written', async () => {
    mkdirSync(join(folder, 'a.png'));
    writeFileSync(join(folder, 'file'), 'kept');
    for (const [out, message] of [
      ['a.svg', /a\.png: is a folder/],
      ['file/a.svg', /file.*(folder|exist)/],
      ['a.txt', /expected the name of an \.svg file/],
    ] as const) {
      const { status, stdout, stderr } = await summary('--memory', '--out', out);
      expect([status, stdout], stderr).toEqual([2, '']);
      expect(stderr).toMatch(message);
      expect(stderr.trim().split('\n').length).toBe(1);
    }
    expect(readdirSync(folder).sort()).toEqual(['a.png', 'file']);
    expect(await summary('--out', 'b.svg')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--memory'),
    });
  });
});
