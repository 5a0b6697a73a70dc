import { describe, expect, test } from 'vitest';
import { compile, type ProgramRequest } from '../../src/compile.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { Loader } from '../../src/data/loader.ts';
import { createNativeEngine } from '../../src/engine/cpu/native/engine.ts';
import { createWasmEngine } from '../../src/engine/cpu/wasm/engine.ts';
import { loadWasmModule } from '../../src/engine/cpu/wasm/load-module.ts';
import { EngineError, type Session } from '../../src/engine/engine.ts';
import { densenet } from '../../src/model/densenet.ts';
import { modelByName } from '../../src/model/zoo.ts';
import { ArgumentError } from '../../src/tensor/argument.ts';
import { ShapeError } from '../../src/tensor/shape.ts';
import { loadState } from '../../src/train/initial-state.ts';
import { ENGINES, REFERENCE } from '../support/engines.ts';

/** Values that no compiler has checked. */
// biome-ignore lint/suspicious/noExplicitAny: a caller in JavaScript may hand over anything.
type Anything = any;

const compiled = compile(densenet({ blocks: [1], growthRate: 4, stem: 4 }), [40, 40], {
  step: { batch: 4, mode: 'train' },
  test: { batch: 4, mode: 'evaluate' },
});
const images = new Float32Array(6400);
const labels = Int32Array.of(0, 1, 2, 3);
const rate = { learningRate: 0.1 };

describe.each([...ENGINES.slice(0, 1), ...ENGINES.slice(-1), REFERENCE])('on $name', ({ open }) => {
  test.each<[string, (session: Anything) => unknown, RegExp]>([
    [
      'a step without a rate',
      (s) => s.run('step', { images, labels }),
      /learningRate is undefined: expected a number, as program step updates/,
    ],
    [
      'a step without a rate among its scalars',
      (s) => s.run('step', { images, labels }, { step: 1 }),
      /learningRate is undefined/,
    ],
    [
      'a rate of NaN',
      (s) => s.run('step', { images, labels }, { learningRate: Number.NaN }),
      /learningRate is NaN: expected a number/,
    ],
    [
      'a rate that is text',
      (s) => s.run('step', { images, labels }, { learningRate: '0.1' }),
      /learningRate is "0.1"/,
    ],
    [
      'a step of 0',
      (s) => s.run('step', { images, labels }, { ...rate, step: 0 }),
      /step is 0: expected a whole number from 1/,
    ],
    [
      'a seed that is none',
      (s) => s.run('step', { images, labels }, { ...rate, stepSeed: 0.5 }),
      /stepSeed is 0.5/,
    ],
    [
      'images in an array',
      (s) => s.run('test', { images: [...images], labels }),
      /images \(4×1×40×40\) is Array of 6400: expected a Float32Array of 6400 numbers/,
    ],
    [
      'labels in an array',
      (s) => s.run('test', { images, labels: [...labels] }),
      /labels is Array of 4: expected an Int32Array of classes from 0 to 9/,
    ],
    [
      'too few images',
      (s) => s.run('test', { images: images.subarray(1), labels }),
      /images .*has 6399 numbers: expected 6400/,
    ],
    ['no labels', (s) => s.run('test', { images }), /labels is undefined/],
    ['no inputs', (s) => s.run('test'), /images .*is undefined/],
    [
      'an input of another name',
      (s) => s.run('test', { image: images, labels }),
      /no input called image: there are images, labels \(did you mean images\?\)/,
    ],
    [
      'a program of another name',
      (s) => s.run('steps', { images, labels }, rate),
      /no program called steps: there are step, test \(did you mean step\?\)/,
    ],
    [
      'a tensor of another name',
      (s) => s.read('0.0.weihgt'),
      /no tensor called 0.0.weihgt.*did you mean 0.0.weight\?/,
    ],
    [
      'numbers that are too few',
      async (s) => s.write('0.0.weight', [1]),
      /0.0.weight \(.*\) has \d+ numbers, got Array of 1/,
    ],
    ['numbers that are none', async (s) => s.write('0.0.weight', 1), /has \d+ numbers, got 1/],
  ])('%s', async (_, misuse, message) => {
    const engine = await open(1);
    try {
      const session: Session = await engine.open(compiled.network);
      loadState(session, compiled, 1);
      const failure = Promise.resolve().then(() => misuse(session));
      await expect(failure).rejects.toThrow(message);
      await expect(failure).rejects.toThrow(EngineError);
      // The session still works.
      expect((await session.run('test', { images, labels })).get('loss')).toHaveLength(1);
    } finally {
      await engine.close();
    }
  });

  test('the result of compile instead of its network', async () => {
    const engine = await open(1);
    await expect(engine.open(compiled as Anything)).rejects.toThrow(
      /expected the `network` of what compile returns/,
    );
    await engine.close();
  });
});

const model = densenet({ blocks: [1], growthRate: 4, stem: 4 });
const compiling = (what: Anything, size: Anything, request: Anything) => () =>
  compile(what, size, { it: { batch: 4, mode: 'train', ...request } as ProgramRequest });

test.each<[string, () => unknown, RegExp]>([
  [
    'a mode',
    compiling(model, [40, 40], { mode: 'training' }),
    /mode is "training": expected train, evaluate or statistics \(did you mean train\?\)/,
  ],
  [
    'a batch of 0',
    compiling(model, [40, 40], { batch: 0 }),
    /the batch is 0: expected a whole number from 1/,
  ],
  ['half an image', compiling(model, [40, 40], { batch: 2.5 }), /the batch is 2.5/],
  [
    'a size that is one number',
    compiling(model, 40, {}),
    /the size of images is 40: expected \[height, width\]/,
  ],
  ['a size of NaN', compiling(model, [40, Number.NaN], {}), /\[40,NaN\], is NaN: expected a whole number/],
  [
    'a model by its name',
    compiling('densenet121', [40, 40], {}),
    /the model is "densenet121": expected what modelByName/,
  ],
  ['no programs', () => compile(model, [40, 40], {}), /there are no programs/],
  [
    'a precision',
    () => compile(model, [40, 40], { it: { batch: 4, mode: 'train' } }, { precision: 'fp32' as Anything }),
    /precision is "fp32": expected f32 or bf16 \(did you mean f32\?\)/,
  ],
  [
    'a model of another name',
    () => modelByName('resnet81'),
    /there is no model resnet81: expected .*\(did you mean resnet18\?\)/,
  ],
  ['dropout of a network without', () => modelByName('notes', { dropout: 0.5 }), /notes has no dropout/],
  [
    'a batch that a loader has not',
    () => loader(2).batch(Uint32Array.of(0, 1, 2), 2),
    /the number of the batch is 2: expected a whole number from 0 to 1/,
  ],
  ['a loader of empty batches', () => loader(0), /batch is 0/],
])('%s that does not exist is refused', (_, misuse, message) => {
  expect(misuse).toThrow(message);
  expect(misuse).toThrow(ArgumentError);
});

test.each<[string, Anything, RegExp]>([
  [
    'a growth rate of NaN',
    densenet({ blocks: [1], growthRate: Number.NaN }),
    /has the shape .*NaN.*: expected whole numbers from 1/,
  ],
  ['a growth rate of half a channel', densenet({ blocks: [1], growthRate: 1.5 }), /has the shape 1.5×/],
])('a network with %s', (_, broken, message) => {
  expect(compiling(broken, [40, 40], {})).toThrow(message);
  expect(compiling(broken, [40, 40], {})).toThrow(ShapeError);
});

test('too small images give an error with the required size', () => {
  const densenet121 = modelByName('densenet121');
  const of = (size: readonly [number, number]) => () =>
    compile(densenet121, size, { it: { batch: 4, mode: 'evaluate' } });
  expect(of([8, 8])).toThrow(/\(the least `size` that works is 29\)$/);
  expect(of([28, 28])).toThrow(/works is 29\)$/);
  expect(of([8, 64])).toThrow(/works is 29\)$/);
  expect(of([29, 29])).not.toThrow();
  // In training a batch norm needs more than one value.
  expect(() => compile(densenet121, [32, 32], { it: { batch: 1, mode: 'train' } })).toThrow(/works is 61\)$/);
  expect(() => compile(densenet121, [61, 61], { it: { batch: 1, mode: 'train' } })).not.toThrow();
});

test.each<[string, Anything, RegExp]>([
  ['no threads', { threads: 0, isa: 'scalar' }, /threads is 0: expected a whole number from 1 to 256/],
  ['threads of NaN', { threads: Number.NaN, isa: 'scalar' }, /threads is NaN/],
  [
    'an instruction set',
    { threads: 1, isa: 'scalr' },
    /isa is "scalr": expected .*\(did you mean scalar\?\)/,
  ],
  ['no kernels', { threads: 1, isa: 'scalar' }, /module is undefined: expected what load/],
])('an engine with %s is refused', async (_, options, message) => {
  const { module } = await loadWasmModule('scalar');
  const given = message.source.startsWith('module') ? options : { module, ...options };
  await expect(createWasmEngine(given)).rejects.toThrow(message);
  expect(() =>
    createNativeEngine(
      message.source.startsWith('module') ? options : { ...options, module: { createPool: () => {} } },
    ),
  ).toThrow(message);
});

function loader(batch: number): Loader {
  const dataset: Dataset = {
    ...{ name: 'noise', count: 3, height: 2, width: 2, channels: 1 },
    ...{ pixels: new Uint8Array(12), labels: Uint8Array.of(0, 1, 0), classNames: ['a', 'b'] },
  };
  return new Loader(dataset, { size: [2, 2], batch });
}
