import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadCheckpoint, saveCheckpoint } from '../../src/run/checkpoint-file.ts';
import { readerOf } from '../../src/train/checkpoint.ts';
import { densorIn } from '../support/cli.ts';
import { type Colour, picture, writeFiles } from '../support/images.ts';

const NAMES = ["=cmd|'C calc'!A0", '<script>&"x"', 'x'.repeat(200), 'zero\u200bwidth', '\u202egnp.exe'];
/** Control characters and invisible characters. */
const UNSEEN = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}]/u;
const OUT = '\u001b[2Jout\nmore';

let folder: string;
const densor = async (...args: readonly string[]) => {
  const told = await densorIn(folder, ...args);
  for (const text of [told.stdout, told.stderr]) expect(text).not.toMatch(UNSEEN);
  return told;
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
  for (const [i, name] of NAMES.entries()) {
    const colour: Colour = [40 * i, 200 - 40 * i, 20];
    for (let k = 0; k < 3; k++) {
      writeFiles(folder, {
        [`data/${name}/${name.slice(0, 40)}${k}.png`]: await picture({ colour, seed: k + 1 }),
      });
    }
    writeFiles(folder, { [`data/${name}/\u202ebad.png`]: 'no image' });
  }
  const args = '--model densenet-bc-10-4 --size 16 --batch 8 --threads 1 --epochs 1 --lr 1e-9'.split(' ');
  const { status, stderr } = await densor('train', '--data', 'folder:data', ...args, '--out', OUT);
  expect(status, stderr).toBe(0);
  expect(stderr).toMatch(/^\\u202egnp\.exe +2 +1$/m);
  expect(stderr).toMatch(/^x{79}… +2 +1$/m);
  expect(stderr).toMatch(/^skipped: \\u202egnp\.exe\/\\u202ebad\.png is neither/m);
  expect(stderr).toMatch(/^checkpoints, log and curves are in \\u001b\[2Jout\\nmore$/m);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('tables, CSV files and plots show printable names, JSON has them exactly', async () => {
  const { status, stdout, stderr } = await densor('evaluate', OUT, '--out', 'report');
  expect(status, stderr).toBe(0);
  expect(stdout).toMatch(/^zero\\u200bwidth +\d/m);
  const classes = readFileSync(join(folder, 'report/classes.csv'), 'utf8');
  expect(classes).toMatch(/\r\n'=cmd\|'C calc'!A0,/);
  expect(classes).toMatch(/\r\n"<script>&""x""",/);
  expect(classes).not.toMatch(/(?!\r\n)[\p{Cc}\p{Cf}](?<!\n)/u);
  for (const name of ['confusion', 'mistakes']) {
    const svg = readFileSync(join(folder, `report/${name}.svg`), 'utf8');
    expect(svg).not.toMatch(UNSEEN);
    expect(svg).not.toMatch(/<script/);
    expect(svg).not.toMatch(/x{30}/);
  }
  const told = JSON.parse((await densor('evaluate', OUT, '--out', 'report', '--json')).stdout);
  expect(told.classes.map(({ name }: { name: string }) => name)).toEqual([...NAMES].sort());
});

test('names in a checkpoint are printed safely', async () => {
  const path = join(folder, OUT, 'last.safetensors');
  const { run, state, shapes } = loadCheckpoint(path);
  const tensors = new Map([...shapes].map(([name, shape]) => [name, { role: 'buffer' as const, shape }]));
  const classNames = ['\u001b]0;title\u0007', 'a\nb', '\u009b31m', '\ud800', 'plain'];
  const config = { ...run.config, classNames };
  await saveCheckpoint(path, { run: { ...run, config }, state: readerOf(state) }, tensors);
  const image = join('data', NAMES[1]!, `${NAMES[1]}0.png`);
  const { status, stdout, stderr } = await densor('predict', OUT, image);
  expect(status, stderr).toBe(0);
  expect(stdout.split('\n').length).toBe(1 + 5 + 1);
  for (const shown of ['\\u001b]0;title\\u0007', 'a\\nb', '\\u009b31m', '\\ud800'])
    expect(stdout).toContain(shown);
  expect((await densor('predict', OUT, image, '--json')).status).toBe(0);
});

test.each([
  ['predict', 'data', '\u001b[2J\nX.png'],
  ['import', '\u001b[2Jnone', '--model', 'notes', '--out', 'x'],
  ['train', '--data', 'folder:\u202eno\u0007where'],
  ['train', '--resume', 'a\nb'],
  ['\u001b[2J'],
  ['train', '--\u001b[2J'],
])('a failure of %j is one line without them', async (...args) => {
  const { status, stderr } = await densor(...args);
  expect(status).toBe(2);
  expect(stderr.trimEnd().split('\n').length).toBe(1);
});
