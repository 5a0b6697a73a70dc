import { describe, expect, test } from 'vitest';
import { decodeWeights } from '../../../src/node/weights-file.ts';
import {
  bytesOf,
  dict,
  floats,
  global,
  int,
  LEGACY_HEADER,
  legacyStorage,
  type Op,
  pickle,
  refused,
  tensor,
  text,
  tuple,
} from '../../support/pickle.ts';

describe('the format before 1.6', () => {
  const main = pickle(dict([['a', tensor(legacyStorage('k', 2), 0, [2], [1])]]));
  const keys = pickle(']', text('k'), 'a');
  const count = (value: number) => Buffer.from(BigInt64Array.of(BigInt(value)).buffer);
  const file = (...rest: Op[]) => bytesOf(...LEGACY_HEADER, ...rest);

  test('written by hand is read', async () => {
    const { tensors } = await decodeWeights(file(main, keys, count(2), floats(5, 6)), 'x.pth');
    expect(tensors.get('a')!.read()).toEqual(Float32Array.of(5, 6));
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['ends before its storages', file(main, keys), /truncated before storage k/],
    ['ends in a storage', file(main, keys, count(2), floats(5)), /truncated in storage k/],
    [
      'has a storage of another length',
      file(main, keys, count(3), floats(5, 6, 7)),
      /declares 2 elements, but has 3/,
    ],
    ['has a storage of less than nothing', file(main, keys, count(-2), floats(5, 6)), /but has -2/],
    ['lists no storages', file(main, pickle(']')), /storage k is not in the file/],
    [
      'lists a storage twice',
      file(main, pickle(']', text('k'), 'a', text('k'), 'a'), count(2), floats(5, 6)),
      /another than used/,
    ],
    ['lists others', file(main, pickle(']', text('j'), 'a')), /another than used/],
    ['has bytes left over', file(main, keys, count(2), floats(5, 6), 'x'), /1 bytes behind/],
    ['is of another version', bytesOf(LEGACY_HEADER[0]!, pickle('K\x07')), /magic number or version/],
    [
      'is big-endian',
      bytesOf(LEGACY_HEADER[0]!, LEGACY_HEADER[1]!, pickle(dict([['little_endian', '\x89']]))),
      /not little-endian/,
    ],
    ['runs code before its storages', file(pickle(global('os', 'system')), pickle(']')), /os\.system/],
    [
      'runs code in its first pickles',
      bytesOf(LEGACY_HEADER[0]!, LEGACY_HEADER[1]!, pickle(global('os', 'system'))),
      /os\.system/,
    ],
    ['runs code in its list of storages', file(main, pickle(global('os', 'system'))), /os\.system/],
    ['has a persistent id in its list of storages', file(main, pickle('NQ')), /where none can be/],
    [
      'holds a whole network',
      file(
        pickle(
          ...[tuple(text('module'), global('my', 'Net'), text('net.py'), text('class Net: …')), 'Q', ')\x81'],
          ...[
            dict([
              ['_parameters', '}'],
              ['_modules', '}'],
            ]),
            'b',
          ],
        ),
        pickle(']'),
      ),
      /whole network with its code \(an object of my\.Net\)/,
    ],
    [
      'has numbers of a type that is not read',
      file(pickle(dict([['a', tensor(legacyStorage('k', 2, 'N', 'QInt8Storage'), 0, [2], [1])]]))),
      /QInt8Storage, whose size is not known/,
    ],
    [
      'has views of storages',
      file(pickle(legacyStorage('k', 2, tuple(text('v'), int(0), int(1))))),
      /not that of a storage/,
    ],
  ])('that %s is refused', async (_, bytes, message) => {
    expect(await refused(bytes)).toMatch(message);
  });
});
