import { describe, expect, test } from 'vitest';
import { decodeTorchFile } from '../../../src/io/torch/read.ts';
import { decodeWeights } from '../../../src/node/weights-file.ts';
import { ZIP_READER } from '../../../src/node/zip.ts';
import {
  bytesOf,
  dict,
  floats,
  global,
  int,
  type Op,
  pickle,
  refused,
  storage,
  tensor,
  text,
  torchZip,
  tuple,
} from '../../support/pickle.ts';

const good = torchZip(pickle(dict([['a', tensor(storage('0', 4), 0, [2, 2], [2, 1])]])), {
  0: floats(1, 2, 3, 4),
});
/** A little-endian length of 4 bytes. */
const length = (value: number) => Buffer.from(Uint32Array.of(value).buffer);

test('a handwritten file is read: the pickles below are refused for their content, not for their form', async () => {
  const { tensors } = await decodeWeights(good, 'x.pth');
  expect(tensors.get('a')!.read()).toEqual(Float32Array.of(1, 2, 3, 4));
});

describe('a pickle that calls code executes none, and is refused with the name:', () => {
  const command = text('touch pwned');
  test.each<[string, Op[], RegExp]>([
    ['GLOBAL and REDUCE', [global('os', 'system'), tuple(command), 'R'], /os\.system/],
    ['the same as Linux calls it', [global('posix', 'system'), tuple(command), 'R'], /posix\.system/],
    ['STACK_GLOBAL', [text('os'), text('system'), '\x93', tuple(command), 'R'], /os\.system/],
    ['STACK_GLOBAL by memo', [text('os'), '\x94', '0', 'h\0', text('system'), '\x93'], /os\.system/],
    ['a dotted name', [text('torch'), text('os.system'), '\x93'], /torch\.os\.system/],
    ['INST', ['(', command, 'ios\nsystem\n'], /os\.system/],
    ['INST of what is known', ['(icollections\nOrderedDict\n'], /an object of collections\.OrderedDict/],
    ['OBJ', ['(', global('os', 'system'), command, 'o'], /os\.system/],
    ['OBJ of what is known', ['(', global('torch', 'Size'), tuple(), 'o'], /an object of torch\.Size/],
    ['NEWOBJ', [global('subprocess', 'Popen'), tuple(command), '\x81'], /subprocess\.Popen/],
    ['NEWOBJ of what is known', [global('torch', 'Size'), tuple(), '\x81'], /an object of torch\.Size/],
    ['NEWOBJ_EX', [global('torch', 'Size'), tuple(), '}', '\x92'], /an object of torch\.Size/],
    ['BUILD on a class', [global('torch', 'FloatStorage'), '}', 'b'], /holds no state dict/],
    [
      'BUILD with attributes',
      [global('collections', 'OrderedDict'), ')R', dict([['__class__', 'N']]), 'b'],
      /it is empty/,
    ],
    [
      'getattr',
      [global('builtins', 'getattr'), tuple(global('os', 'x'), text('system')), 'R'],
      /builtins\.getattr/,
    ],
    ['getattr of Python 2', [global('__builtin__', 'getattr')], /__builtin__\.getattr/],
    ['eval', [global('__builtin__', 'eval'), tuple(text('1')), 'R'], /__builtin__\.eval/],
    ['__builtins__', [global('__builtins__', 'exec')], /__builtins__\.exec/],
    ['a name in a line that hides', [global('os\x1b[2K', 'system')], /os\\u001b\[2K\.system/],
    ['names of Object', [global('__proto__', 'constructor')], /__proto__\.constructor/],
    ['operator.attrgetter', [global('operator', 'attrgetter')], /operator\.attrgetter/],
    ['torch.load itself', [global('torch', 'load')], /torch\.load/],
    ['runpy by torch', [global('torch.utils._config_module', 'ConfigModule')], /ConfigModule/],
    [
      'a call of a class of storages',
      [global('torch', 'FloatStorage'), tuple(int(9)), 'R'],
      /an object of torch\.FloatStorage/,
    ],
    ['a call of a dict', ['}', tuple(), 'R'], /calls what is no function/],
    ['EXT1', ['\x82\x01'], /EXT1/],
    ['a persistent id as text', ['P0\n'], /PERSID/],
  ])('%s', async (_, ops, message) => {
    expect(await refused(torchZip(pickle(...ops)))).toMatch(message);
  });
});

describe('a pickle that needs too much memory or time is refused:', () => {
  const huge = Buffer.from(BigUint64Array.of(2n ** 62n).buffer);
  test.each<[string, Op[], RegExp]>([
    ['a string of 4 GiB', ['X', length(0xffffffff), 'abc'], /wants 4294967295 bytes where \d+ are left/],
    ['a string of 4 EiB', ['\x8d', huge], /wants 46116860184273\d+ bytes/],
    ['bytes of 4 EiB', ['\x8e', huge], /wants 46116860184273\d+ bytes/],
    ['a whole number of 2 GiB', ['\x8b', length(0x7fffffff)], /whole number of 2147483647 bytes/],
    ['a whole number of less than no bytes', ['\x8b', length(0xffffffff)], /wants -1 bytes/],
    ['a line without end', ['I', '1'.repeat(100_000)], /a line does not end/],
    ['a thousand marks on marks', ['('.repeat(300_000)], /more than 200000 values/],
    ['values without end', ['K\x01'.repeat(300_000)], /more than 200000 values/],
    ['dicts without end', ['}\x940'.repeat(300_000)], /more than 262144 dicts/],
    ['operations without end', ['K\x010'.repeat(1_100_000)], /more than 2000000 operations/],
    ['tuples in tuples', [')', '\x85'.repeat(100_000)], /deeper than 100/],
    ['lists in lists', [']'.repeat(200), 'a'.repeat(199)], /deeper than 100/],
    ['dicts in dicts', ['(K\x01'.repeat(200), '}', 'd'.repeat(200)], /deeper than 100/],
    ['a list that holds itself', [']', 'q\0', 'h\0a'.repeat(200)], /deeper than 100/],
    [
      'tuples of ten times the one before',
      [')q\0', ...Array.from({ length: 200 }, () => bytesOf('0(', 'h\0'.repeat(10), 'tq\0'))],
      /deeper than 100/,
    ],
    ['a memo that was not set', ['h\x07'], /memo 7 was never set/],
    ['a memo of a negative number', ['K\x01p-5\n'], /a memo has no number/],
    ['nothing at all', [], /takes more values than there are/],
    [
      'a thousand and one classes',
      Array.from({ length: 1001 }, (_, i) => global('m', `C${i}`)),
      /more than 1000 classes/,
    ],
    [
      'a name of a thousand characters',
      [text('a'.repeat(1000)), text('b'), '\x93'],
      /in more than 512 characters/,
    ],
    [
      'a key twice',
      [
        dict([
          ['a', 'N'],
          ['a', 'N'],
        ]),
      ],
      /names a twice/,
    ],
    ['an unknown protocol', ['\x80\x09'], /protocol 9/],
    ['an unknown opcode', ['\xff'], /0xff at byte 2 is no opcode/],
  ])('%s', async (_, ops, message) => {
    expect(await refused(torchZip(pickle(...ops)))).toMatch(message);
  });

  test('shared values are not copied: ten to the ninetieth leaves need ninety tuples', async () => {
    const levels = Array.from({ length: 90 }, () => bytesOf('0(', 'h\0'.repeat(10), 'tq\0'));
    expect(await refused(torchZip(pickle(')q\0', ...levels)))).toMatch(/no state dict/);
  });
});

describe('objects of unknown classes', () => {
  const one = tensor(storage('0', 1), 0, [1], [1]);
  const read = (pickled: Uint8Array) =>
    decodeWeights(torchZip(pickled, { 0: floats(7) }), 'x.pth').then(({ tensors, notes }) => ({
      names: [...tensors.keys()],
      notes,
    }));
  const made = bytesOf(global('my', 'Class'), ')\x81');

  test.each<[string, Op]>([
    ['made by NEWOBJ, with attributes', bytesOf(made, dict([['lr', int(3)]]), 'b')],
    ['made by NEWOBJ_EX', bytesOf(global('my', 'Class'), ')}\x92')],
    ['made by OBJ', bytesOf('(', global('my', 'Class'), int(3), 'o')],
    ['made by INST', bytesOf('(', int(3), 'imy\nClass\n')],
    ['made by a call', bytesOf(global('my', 'Class'), tuple(int(3)), 'R')],
    ['called when made', bytesOf(global('my', 'Class'), tuple(int(3)), 'R', tuple(), 'R')],
    ['that are lists', bytesOf(made, '(', int(3), int(4), 'e', int(5), 'a')],
    ['that are dicts', bytesOf(made, '(', text('k'), made, 'u', text('l'), 'N', 's')],
    ['in sets', bytesOf('\x8f(', made, '\x90')],
    ['in frozen sets', bytesOf('(', made, '\x91')],
    ['that are keys', bytesOf('}(', made, 'N', tuple(made), 'N', ']', 'N', 'u')],
    ['that are named only', global('my', 'Class')],
    ['in bytes that can change', bytesOf(tuple(made, '\x96\x02\0\0\0\0\0\0\0ab'))],
  ])('%s leave the tensors beside them as they are', async (_, op) => {
    const { names, notes } = await read(
      pickle(
        dict([
          ['other', op],
          ['a', one],
        ]),
      ),
    );
    expect(names).toEqual(['a']);
    expect(notes.at(-1)).toBe('left out what is of my.Class, of which nothing was run');
  });

  test('need no more memory than their pickle', async () => {
    const many = 'cmy\nClass\n)\x810'.repeat(300_000);
    const { names } = await read(pickle(dict([['a', one]]), many));
    expect(names).toEqual(['a']);
  });

  test.each<[string, Op, RegExp]>([
    [
      'the file itself',
      bytesOf(made, '(', text('a'), one, 'u'),
      /holds an object of my\.Class, not a state dict: load it in PyTorch and save/,
    ],
    [
      'a state dict in it',
      dict([['state_dict', made]]),
      /holds an object of my\.Class, not a state dict under state_dict/,
    ],
    [
      'a network',
      bytesOf(
        made,
        dict([
          ['_modules', '}'],
          ['_parameters', '}'],
        ]),
        'b',
      ),
      /holds a whole network with its code \(an object of my\.Class\), not its weights: .*torch\.save\(model\.state_dict\(\)/,
    ],
    [
      'a network beside the best accuracy',
      dict([
        ['best', one],
        [
          'model',
          bytesOf(
            made,
            dict([
              ['_modules', '}'],
              ['_parameters', '}'],
            ]),
            'b',
          ),
        ],
      ]),
      /holds a whole network .* under model/,
    ],
    [
      'a tensor of numbers that are not read',
      dict([['a', tensor(storage('0', 4, 'QInt8Storage'), 0, [4], [1])]]),
      /no tensors by name.*names torch\.QInt8Storage/,
    ],
  ])('are refused by their name where they are %s', async (_, op, message) => {
    expect(await refused(torchZip(pickle(op), { 0: floats(7) }))).toMatch(message);
  });
});

describe('special keys of JavaScript', () => {
  test('are ordinary keys', async () => {
    const one = tensor(storage('0', 1), 0, [1], [1]);
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    const bytes = torchZip(pickle(dict(names.map((name) => [name, one]))), { 0: floats(7) });
    const { tensors } = await decodeWeights(bytes, 'x.pth');
    expect([...tensors.keys()]).toEqual(names);
    expect(tensors.get('__proto__')!.read()).toEqual(Float32Array.of(7));
    expect(({} as Record<string, unknown>).kind).toBeUndefined();
  });

  test('are no storages', async () => {
    for (const key of ['__proto__', 'constructor', '../data.pkl', '../../../etc/passwd', 'x/../0']) {
      const bytes = torchZip(pickle(dict([['a', tensor(storage(key, 1), 0, [1], [1])]])), { 0: floats(7) });
      expect(await refused(bytes)).toMatch(/is not in the file/);
    }
  });
});

describe('a tensor with wrong sizes is refused:', () => {
  const four = { 0: floats(1, 2, 3, 4) };
  const view = (offset: number, sizes: number[], strides: number[]) =>
    tensor(storage('0', 4), offset, sizes, strides);
  test.each<[string, Op, RegExp]>([
    ['more elements than the storage', view(0, [5], [1]), /beyond its storage 0 of 4/],
    ['an offset behind the end', view(4, [1], [1]), /beyond its storage/],
    ['an offset near the end', view(2, [3], [1]), /beyond its storage/],
    ['strides that run out', view(0, [2, 2], [3, 1]), /beyond its storage/],
    [
      'sizes whose product overflows',
      view(0, [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1], [0, 0, 0]),
      /beyond its storage/,
    ],
    ['one element seen a billion times', view(0, [10 ** 9], [0]), /beyond its storage/],
    [
      'sizes below zero',
      bytesOf(
        global('torch._utils', '_rebuild_tensor_v2'),
        tuple(storage('0', 4), int(0), tuple('J\xff\xff\xff\xff'), tuple(int(1))),
        'R',
      ),
      /no whole sizes/,
    ],
    [
      'sizes that are no numbers',
      bytesOf(
        global('torch._utils', '_rebuild_tensor_v2'),
        tuple(storage('0', 4), int(0), tuple(text('9')), tuple(int(1))),
        'R',
      ),
      /no whole sizes/,
    ],
    ['more sizes than strides', view(0, [2, 2], [1]), /no whole sizes/],
    ['forty dimensions', view(0, Array(40).fill(1), Array(40).fill(1)), /40 dimensions/],
    [
      'no storage',
      bytesOf(global('torch._utils', '_rebuild_tensor_v2'), tuple(text('0'), int(0), tuple(), tuple()), 'R'),
      /no storage/,
    ],
    [
      'a storage longer than its member',
      tensor(storage('0', 5), 0, [5], [1]),
      /declares 5 elements of float32, 20 bytes, but has 16/,
    ],
    [
      'a storage of another type than its member',
      tensor(storage('0', 4, 'DoubleStorage'), 0, [4], [1]),
      /32 bytes, but has 16/,
    ],
    ['a storage that is not there', tensor(storage('1', 4), 0, [4], [1]), /storage 1 is not in the file/],
    [
      'a storage that is declared in two ways',
      bytesOf(storage('0', 4), '0', storage('0', 4, 'IntStorage')),
      /declared twice/,
    ],
    ['a type that is not read', storage('0', 4, 'QInt8Storage'), /torch\.QInt8Storage/],
    [
      'a persistent id of another kind',
      bytesOf(tuple(text('file'), text('/etc/passwd')), 'Q'),
      /not that of a storage/,
    ],
    ['a persistent id that is no tuple', bytesOf(text('storage'), 'Q'), /not that of a storage/],
    [
      'a persistent id whose class is a function',
      bytesOf(tuple(text('storage'), global('torch', 'Size'), text('0'), text('cpu'), int(4)), 'Q'),
      /not that of a storage/,
    ],
    [
      'a persistent id without a length',
      bytesOf(tuple(text('storage'), global('torch', 'FloatStorage'), text('0'), text('cpu'), 'N'), 'Q'),
      /has no length/,
    ],
  ])('%s', async (_, op, message) => {
    expect(await refused(torchZip(pickle(dict([['a', op]])), four))).toMatch(message);
  });
});

describe('objects that are not state dicts', () => {
  test.each<[string, Op, RegExp]>([
    ['a number', int(1), /holds no state dict/],
    ['a list', ']', /holds no state dict/],
    ['an empty dict', '}', /it is empty/],
    ['a dict of other things', dict([['epoch', int(3)]]), /it has epoch/],
  ])('%s is refused', async (_, op, message) => {
    expect(await refused(torchZip(pickle(op)))).toMatch(message);
  });

  test('bytes, numbers and texts are read', async () => {
    const latin = bytesOf(global('_codecs', 'encode'), tuple(text('\xff\0a'), text('latin1')), 'R');
    const values = tuple(
      latin,
      'G\x3f\xf8\0\0\0\0\0\0',
      'I01\n',
      'L-5L\n',
      'F0.25\n',
      '\x8a\x0a'.concat('\xff'.repeat(10)),
      'N',
    );
    const { value } = await decodeTorchFile(torchZip(pickle(values)), 'x.pth', ZIP_READER);
    expect(value).toEqual([Uint8Array.of(255, 0, 97), 1.5, true, -5, 0.25, -1, null]);
  });
});

test.each<[string, Op[], Op[]]>([
  ['bytes', [text('a'.repeat(2 ** 21))], [global('_codecs', 'encode'), 'h\0', text('latin1'), '\x86R']],
  [
    'dicts',
    ['](', ...Array.from({ length: 20_000 }, (_, i) => tuple(int(i), 'K\x01')), 'e'],
    [global('collections', 'OrderedDict'), 'h\0', '\x85R'],
  ],
])('a memo that gives large %s for a few bytes is not obeyed without end', async (_, large, call) => {
  const again = Array.from({ length: 4000 }, () => [...call, '0']).flat();
  const file = torchZip(pickle(...large, 'q\0', '0', ...again, 'N'), {});
  await expect(decodeTorchFile(file, 'x.pth', ZIP_READER)).rejects.toThrow(/calls make more than 67108864/);
});
