import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { densorIn, densorProcess, stepOf, TINY, until } from '../support/cli.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Removes everything that depends on time: periodic lines, times and rates. */
const lasting = (text: string) =>
  text
    .replace(/^epoch \d+\/\d+ step .*\n/gm, '')
    .replace(/[\d.]+ examples\/sec|[\d:.]+ s$|"examplesPerSecond":[\d.]+/gm, '…');

test('a process that has run other commands behaves as a new one', async () => {
  writeFileSync(join(folder, 'text.png'), 'no image');
  const train = `train ${TINY.join(' ')} --limit 32 --epochs 1`;
  for (const [line, status] of [
    ['--help', 0],
    ['fly', 2],
    ['summary notes --size 32 --json', 0],
    [`${train} --out OUT`, 0],
    [`${train} --lr 1e30 --epochs 2 --out exploded-OUT --json`, 1],
    ['predict OUT text.png', 2],
    ['export OUT --onnx OUT.onnx', 0],
  ] as const) {
    const words = (out: string) => line.replaceAll('OUT', out).split(' ').filter(Boolean);
    const [mine, theirs] = [
      await densorIn(folder, ...words('warm')),
      densorProcess(folder, ...words('cold')),
    ];
    const what = (told: typeof mine) => ({
      ...told,
      stdout: lasting(told.stdout),
      stderr: lasting(told.stderr),
    });
    expect(JSON.parse(JSON.stringify(what(mine)).replaceAll('warm', 'cold'))).toEqual(what(theirs));
    expect([line, mine.status]).toEqual([line, status]);
  }
  const bytesOf = (name: string) => readFileSync(join(folder, name));
  expect(bytesOf('warm.onnx').equals(bytesOf('cold.onnx'))).toBe(true);
});

test('if a command ends the process, the next one uses a new process', async () => {
  const run = join(folder, 'run');
  const ended = densorIn(folder, 'train', ...TINY, '--epochs', '1000', '--out', 'run');
  await until('a step', () => stepOf(run) > 0);
  process.kill(JSON.parse(readFileSync(join(run, 'run.lock'), 'utf8')).pid, 'SIGKILL');
  expect(await ended).toMatchObject({ status: null, stderr: expect.stringContaining('1,000 epochs') });
  expect(await densorIn(folder, 'fly')).toMatchObject({
    status: 2,
    stderr: "densor: unknown command 'fly'\n",
  });
});
