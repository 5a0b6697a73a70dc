import { strToU8, zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { bytesOf, dict, floats, pickle, refused, storage, tensor, torchZip } from '../../support/pickle.ts';

const good = torchZip(pickle(dict([['a', tensor(storage('0', 4), 0, [2, 2], [2, 1])]])), {
  0: floats(1, 2, 3, 4),
});

describe('an inconsistent zip file is refused:', () => {
  const content = pickle(dict([['a', tensor(storage('0', 4), 0, [4], [1])]]));
  const members = { 'a/data.pkl': content, 'a/data/0': floats(1, 2, 3, 4) };
  /** Changes bytes of the central directory's record of a member. */
  const edited = (name: string, at: number, value: number, zip: Uint8Array = good) => {
    const bytes = Buffer.from(zip);
    const record = bytes.lastIndexOf(name) - 46;
    bytes.writeUInt32LE(value, record + at);
    return bytes;
  };
  const CRC = 16;
  const PACKED = 20;
  const UNPACKED = 24;
  const OFFSET = 42;
  const bomb = () => zipSync({ ...members, 'a/data/1': [new Uint8Array(70 * 2 ** 20), { level: 1 }] });
  const deflated = zipSync(members, { level: 9 });
  const repeated = zipSync({ ...members, 'a/data/0': new Uint8Array(16) }, { level: 9 });

  test.each<[string, () => Uint8Array, RegExp]>([
    ['a checksum that is wrong', () => edited('archive/data.pkl', CRC, 1), /data\.pkl has another checksum/],
    [
      'a stored member longer than it is',
      () => edited('archive/data.pkl', UNPACKED, 2 ** 31),
      /damaged zip: .*size mismatch/,
    ],
    ['a member beyond the file', () => edited('archive/data.pkl', OFFSET, 2 ** 31), /damaged zip/],
    [
      'a member whose header is elsewhere',
      () => edited('archive/data.pkl', OFFSET, 3),
      /invalid local file header/,
    ],
    [
      'a deflated member of more than it declares',
      () => edited('a/data.pkl', UNPACKED, 7, deflated),
      /does not unpack to the 7 bytes/,
    ],
    [
      'a deflated member of less than it declares',
      () => edited('a/data.pkl', UNPACKED, 10_000, deflated),
      /has \d+ bytes, not the 10000/,
    ],
    ['a packed size beyond the file', () => edited('a/data.pkl', PACKED, 2 ** 30, deflated), /damaged zip/],
    ['seventy MiB in seventy KiB', bomb, /claim to hold \d+: that is no file of weights/],
    [
      'a name that climbs',
      () => zipSync({ ...members, '../evil': strToU8('x') }),
      /damaged zip: invalid relative path/,
    ],
    [
      'a name from the root',
      () => zipSync({ ...members, '/etc/x': strToU8('x') }),
      /damaged zip: absolute path/,
    ],
    [
      'a name with a backslash',
      () => zipSync({ ...members, '..\\evil': strToU8('x') }),
      /damaged zip: invalid characters/,
    ],
    ['two pickles', () => zipSync({ ...members, 'b/data.pkl': content }), /holds 2 pickles/],
    ['no pickle', () => zipSync({ 'readme.txt': strToU8('hello') }), /holds no data\.pkl/],
    [
      'a TorchScript program',
      () => zipSync({ ...members, 'a/code/__torch__.py': strToU8('') }),
      /TorchScript/,
    ],
    [
      'numbers in the other order',
      () => zipSync({ ...members, 'a/byteorder': strToU8('big') }),
      /not little-endian/,
    ],
    ['bytes behind its end', () => bytesOf(good, 'more'), /damaged zip/],
    [
      'a pickle that goes on behind its end',
      () => zipSync({ ...members, 'a/data.pkl': bytesOf(content, 'N.') }),
      /2 bytes behind the end/,
    ],
  ])('%s', async (_, make, message) => {
    expect(await refused(make())).toMatch(message);
  });

  test('an unsupported compression method', async () => {
    const bytes = Buffer.from(good);
    bytes.writeUInt16LE(12, bytes.lastIndexOf('archive/data.pkl') - 46 + 10); // bzip2
    expect(await refused(bytes)).toMatch(/packed by method 12/);
  });

  test('an encrypted member', async () => {
    const bytes = Buffer.from(repeated);
    const flags = bytes.lastIndexOf('a/data/0') - 46 + 8;
    bytes.writeUInt16LE(bytes.readUInt16LE(flags) | 1, flags);
    expect(await refused(bytes)).toMatch(/encrypted/);
  });

  test('the same name twice', async () => {
    const bytes = Buffer.from(zipSync({ 'a/data.pkl': content, 'b/data.pkl': content }));
    for (let at = bytes.indexOf('b/data.pkl'); at >= 0; at = bytes.indexOf('b/data.pkl')) bytes[at] = 0x61;
    expect(await refused(bytes)).toMatch(/twice/);
  });

  test('overlapping members', async () => {
    const big = new Uint8Array(4096).map((_, i) => (i * 7919) >> 3);
    const names = ['0', '1', '2', '3'];
    const zip = Buffer.from(
      zipSync(Object.fromEntries(names.map((name) => [`a/data/${name}`, big])), { level: 0 }),
    );
    const record = (name: string) => zip.lastIndexOf(`a/data/${name}`) - 46;
    const first = zip.readUInt32LE(record('0') + OFFSET);
    for (const name of names) zip.writeUInt32LE(first, record(name) + OFFSET);
    const start = record('0');
    const shorter = Buffer.concat([zip.subarray(0, 4096 + 100), zip.subarray(start)]);
    shorter.writeUInt32LE(4096 + 100, shorter.length - 6);
    expect(await refused(shorter)).toMatch(/its members take 16384 bytes/);
  });
});
