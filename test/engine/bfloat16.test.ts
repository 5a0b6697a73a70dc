import { describe, expect, test } from 'vitest';
import { compile, compileGraph, stateOf } from '../../src/compile.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { densenet } from '../../src/model/densenet.ts';
import { initialNumbers } from '../../src/model/initialize.ts';
import { conv2d } from '../../src/model/module.ts';
import { traceModule } from '../../src/model/trace.ts';
import { layOutState } from '../../src/plan/plan.ts';
import { cpuTarget } from '../../src/target/cpu/target.ts';
import { narrowToBfloat16, widenBfloat16 } from '../../src/tensor/bfloat16.ts';
import { elementCount } from '../../src/tensor/shape.ts';
import { ENGINES } from '../support/engines.ts';
import { readState } from '../support/read-state.ts';

/** Lower halves for rounding: zero, smallest, just below half, half, just above half, largest. */
const LOWER_HALVES = [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff];
const floats = (lower: number) =>
  new Float32Array(Uint32Array.from({ length: 65_536 }, (_, upper) => ((upper << 16) | lower) >>> 0).buffer);
/** A bfloat16 as float64; infinity is 2¹²⁸, the next value, for rounding of overflowing numbers. */
const value = (bits: number) =>
  (bits & 0x7fff) === 0x7f80
    ? bits >> 15
      ? -(2 ** 128)
      : 2 ** 128
    : widenBfloat16(Uint16Array.of(bits))[0]!;

/** The nearest of the two neighbours, ties to even, by distances in float64. */
function nearest(x: number, upper: number): number {
  if (Number.isNaN(x) || !Number.isFinite(x)) return x;
  const [below, above] = [value(upper), value(upper + 1)];
  const [toBelow, toAbove] = [Math.abs(x - below), Math.abs(above - x)];
  const up = toAbove < toBelow || (toAbove === toBelow && upper % 2 === 1);
  return Math.fround(up ? above : below);
}

/** Treats 0 and −0 as equal, because sums begin at 0. */
function differences(got: ArrayLike<number>, from: Float32Array): readonly string[] {
  return [...from].flatMap((x, upper) => {
    const want = nearest(x, upper);
    const isSame = got[upper] === want || (Number.isNaN(want) && Number.isNaN(got[upper]));
    return isSame ? [] : [`${x} became ${got[upper]}, not ${want}`];
  });
}

test('inputs are rounded to nearest, ties to even, and NaN stays NaN', () => {
  for (const lower of LOWER_HALVES) {
    const numbers = floats(lower);
    expect(differences(widenBfloat16(narrowToBfloat16(numbers)), numbers)).toEqual([]);
  }
  const nan = new Float32Array(Uint32Array.of(0x7f80_0001, 0xff80_0001).buffer);
  expect([...narrowToBfloat16(nan)]).toEqual([0x7fc0, 0xffc0]);
});

const { graph } = traceModule(conv2d(65_536, 1), [1, 1, 1, 1], 'evaluate');
const state = stateOf(graph);
const layout = layOutState(state, false, cpuTarget());
const program = compileGraph(graph, layout, undefined, { precision: 'bf16' });
const copies = { state, layout, programs: new Map([['copy', program]]) };

const model = densenet({ channels: 2, stem: 12, growthRate: 7, blocks: [2, 2], classes: 5 });

describe.each(ENGINES)('on $name', ({ open }) => {
  test('kernels round to the nearest, ties to even: all upper halves', async () => {
    const engine = await open();
    const session = await engine.open(copies);
    session.write('weight', new Float32Array(65_536));
    for (const lower of LOWER_HALVES) {
      const numbers = floats(lower);
      session.write('bias', numbers); // Only summands keep all their bits; factors may be rounded to bfloat16.
      const outputs = await session.run('copy', { x: Float32Array.of(0) }); // 0 · weight + bias, stored.
      expect(differences(outputs.get('y')!, numbers)).toEqual([]);
    }
    await engine.close();
  });

  test('one thread and three give the same bits', async () => {
    const [one, three] = [await open(1), await open(3)];
    expect(await twoSteps(three)).toEqual(await twoSteps(one));
    await one.close();
    await three.close();
  });
});

async function twoSteps(engine: Engine): Promise<ReadonlyMap<string, unknown>> {
  const options = { precision: 'bf16', target: engine.target } as const;
  const trained = compile(model, [24, 24], { train: { batch: 19, mode: 'train' } }, options);
  const session = await engine.open(trained.network);
  for (const [name, { shape }] of trained.network.state) {
    session.write(name, initialNumbers(3, name, elementCount(shape), trained.initializers.get(name)!));
  }
  const images = Float32Array.from({ length: 19 * 24 * 24 * 2 }, (_, i) => Math.sin(i * 0.7));
  const labels = Int32Array.from({ length: 19 }, (_, i) => i % 5);
  for (let step = 0; step < 2; step++) await session.run('train', { images, labels }, { learningRate: 0.1 });
  return readState(session, trained.network.state.keys());
}
