import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { floatsOf } from '../../src/data/loader.ts';
import { byteTables } from '../../src/data/transforms/normalize.ts';
import { type Engine, EngineError, type Input } from '../../src/engine/engine.ts';
import { densenet } from '../../src/model/densenet.ts';
import type { Precision } from '../../src/tensor/precision.ts';
import { loadState } from '../../src/train/initial-state.ts';
import { ENGINES, REFERENCE } from '../support/engines.ts';
import { floats } from '../support/floats.ts';
import { readState } from '../support/read-state.ts';

// 6,400 elements: more than one chunk of an input, and not a multiple of chunks.
const compiledIn = (precision: Precision) =>
  compile(
    densenet({ blocks: [1], growthRate: 4, stem: 4 }),
    [40, 40],
    { step: { batch: 4, mode: 'train' } },
    { precision },
  );
const [single, half] = [compiledIn('f32'), compiledIn('bf16')];
const content = () => Uint8Array.from({ length: 6400 }, (_, i) => (i * 97 + (i >> 7) * 31) % 256);
const labels = Int32Array.of(0, 1, 2, 3);

async function lossOf(
  engine: Engine,
  images: Input,
  meanwhile = () => {},
  compiled = single,
): Promise<number> {
  const session = await engine.open(compiled.network);
  loadState(session, compiled, 1);
  const running = session.run('step', { images, labels: labels.slice() }, { learningRate: 0.1 });
  meanwhile();
  return (await running).get('loss')![0]!;
}

describe.each([...ENGINES, REFERENCE])('on $name', ({ open }) => {
  test('lazily filled inputs equal those from an array', async () => {
    const engine = await open();
    const source = floatsOf(content(), byteTables(1));
    expect(await lossOf(engine, source)).toBe(await lossOf(engine, floats(source)));
    await engine.close();
  });

  test('and both are rounded equally if images are stored in bfloat16', async () => {
    const engine = await open();
    const source = floatsOf(content(), byteTables(1));
    const ofArray = await lossOf(engine, floats(source), () => {}, half);
    expect(await lossOf(engine, source, () => {}, half)).toBe(ofArray);
    await engine.close();
  });

  test('inputs may be overwritten as soon as a run has begun', async () => {
    const engine = await open();
    const bytes = content();
    const want = await lossOf(engine, floatsOf(bytes, byteTables(1)));
    expect(await lossOf(engine, floatsOf(bytes, byteTables(1)), () => bytes.fill(255))).toBe(want);
    const array = floats(floatsOf(content(), byteTables(1)));
    expect(await lossOf(engine, array, () => array.fill(1))).toBe(want);
    expect(await lossOf(engine, array)).not.toBe(want);
    await engine.close();
  });

  test.each<[string, Record<string, Input>, RegExp]>([
    [
      'labels that are no class',
      { labels: Int32Array.of(0, 1, 10, 3) },
      /labels: number 2 is 10, not a class from 0 to 9/,
    ],
    ['labels below 0', { labels: Int32Array.of(-1, 1, 2, 3) }, /labels: number 0 is -1/],
    [
      'labels that are floats',
      { labels: Float32Array.of(0, 1, 2, 3) },
      /labels is Float32Array of 4: expected an Int32Array/,
    ],
    [
      'images that are integers',
      { images: new Int32Array(6400) },
      /images .*is Int32Array of 6400: expected a Float32Array of 6400/,
    ],
    ['too few labels', { labels: Int32Array.of(0) }, /labels .*has 1 numbers: expected 4/],
  ])('%s are refused, and nothing is changed', async (_, wrong, message) => {
    const engine = await open();
    const session = await engine.open(single.network);
    loadState(session, single, 1);
    const images = floats(floatsOf(content(), byteTables(1)));
    await session.run('step', { images, labels }, { learningRate: 0.1 });
    const before = await readState(session, single.network.layout.shapes.keys());
    const other = images.map((x) => 1 - x);
    const refused = session.run('step', { images: other, labels, ...wrong }, { learningRate: 0.1 });
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toThrow(EngineError);
    expect(await readState(session, before.keys())).toEqual(before);
    await engine.close();
  });
});
