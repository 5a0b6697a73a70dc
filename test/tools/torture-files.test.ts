import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FileAnswer, FileReader } from '../../tools/torture/file-pool.ts';
import { FORMAT_NAMES, openFormat } from '../../tools/torture/files/formats.ts';
import { CONTAINERS, mutatePieces } from '../../tools/torture/files/mutate-pieces.ts';
import { mutateWire } from '../../tools/torture/files/mutate-wire.ts';
import { onnxSeed } from '../../tools/torture/files/onnx-seed.ts';
import { randomOf } from '../../tools/torture/random.ts';
import { torture } from '../../tools/torture/run.ts';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'densor-test-torture-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test('hostile files of every format are read or refused, and nothing in them is executed', async () => {
  const report = await torture({ seed: 20, minutes: 60, only: ['files'], attempts: { files: 60 } });
  expect(report.faults).toEqual([]);
  expect(report.results.map(({ name, tried }) => [name, tried])).toEqual(
    [...FORMAT_NAMES].sort().map((name) => [name, 60]),
  );
});

describe('a hostile file', () => {
  test.each(FORMAT_NAMES)('of %s is the same for the same seed', async (name) => {
    const format = await openFormat(name, scratch);
    const made = Array.from({ length: 20 }, (_, i) => Buffer.from(format.make(randomOf(1, i))));
    expect(
      Array.from({ length: 20 }, (_, i) => Buffer.from(format.make(randomOf(1, i))).equals(made[i]!)),
    ).not.toContain(false);
    expect(new Set(made.map((bytes) => bytes.toString('latin1'))).size).toBeGreaterThan(10);
  });

  test('of a container has correct lengths and checksums', () => {
    const png = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    );
    for (let number = 0; number < 50; number++) {
      const made = mutatePieces(CONTAINERS.png, png, png, randomOf(1, number));
      for (let at = 8; at < made.length; ) {
        const end = at + 8 + made.readUInt32BE(at);
        expect(made.readUInt32BE(end)).toBe(crc32(made.subarray(at + 4, end)));
        at = end + 4;
      }
    }
  });

  test('of protobuf passes the first check', async () => {
    const { read } = await openFormat('onnx', scratch);
    const messages = new Set<string>();
    for (let number = 0; number < 200; number++) {
      await read(mutateWire(onnxSeed(), randomOf(1, number))).catch(({ message }) =>
        messages.add(message.replace(/\d+/g, 'N')),
      );
    }
    expect(messages.size).toBeGreaterThan(10);
  });
});

describe('the torture finds a reader that', () => {
  let reader: FileReader;
  beforeAll(() => {
    const program = join(scratch, 'careless.mjs');
    // The number of the case determines the behavior of the reader.
    writeFileSync(
      program,
      `import { writeFileSync } from 'node:fs';
       const deeds = [
         () => '',
         () => { throw new TypeError('of undefined'); },
         () => { globalThis.densor_torture_canary = 1; return ''; },
         () => { writeFileSync('written', ''); return ''; },
         () => { Object.prototype.polluted = 1; return ''; },
         () => process.exit(3),
         () => { globalThis.kept = Buffer.alloc(300 * 2 ** 20, 1); return ''; },
         () => 'densor-torture-secret',
         () => { setTimeout(() => { throw new Error('late'); }); return new Promise(() => {}); },
       ];
       let number = -1;
       export const openFormat = async (name) => ({
         make: () => new Uint8Array(0),
         read: async () => deeds[Number(name)](),
       });`,
    );
    reader = new FileReader(join(scratch, 'reader'), program);
  });
  afterAll(() => reader.end());

  const deed = (what: number) => reader.run({ format: `${what}` as 'png', seed: 1, first: 7, count: 1 });
  const problemOf = (answer: FileAnswer) => ('done' in answer ? answer.faults[0] : answer);

  test.each([
    [0, 'does nothing of the kind', undefined],
    [1, 'throws an error of no kind of ours', /an error of no kind of ours: TypeError: of undefined/],
    [2, 'runs code', /obeyed: code of the file was run/],
    [3, 'writes a file', /obeyed: it wrote written/],
    [4, 'changes a prototype', /obeyed: the prototype/],
    [5, 'ends the process', /ends the process \(status 3\)/],
    [6, 'takes memory', /takes \d+ MiB of memory for a file of 0 bytes/],
    [7, 'reads elsewhere', /prints what is in a file outside/],
    [8, 'throws when nobody listens', /ends the process/],
  ])('%i: %s', async (what, _, problem) => {
    const fault = problemOf(await deed(what));
    reader.end();
    rmSync(join(scratch, 'reader', 'a'), { recursive: true, force: true });
    if (problem === undefined) return expect(fault).toBeUndefined();
    expect(fault).toEqual({ number: 7, problem: expect.stringMatching(problem) });
  });
});
