import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { floatsOf } from '../../src/data/loader.ts';
import { byteTables } from '../../src/data/transforms/normalize.ts';
import type { Engine, Input } from '../../src/engine/engine.ts';
import { densenet } from '../../src/model/densenet.ts';
import type { Precision } from '../../src/tensor/precision.ts';
import { loadState } from '../../src/train/initial-state.ts';
import { ENGINES, REFERENCE } from '../support/engines.ts';
import { floats } from '../support/floats.ts';

// 6,400 numbers: more than a piece of an input, and no whole number of pieces.
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
  await running;
  return session.output('loss')[0]!;
}

describe.each([...ENGINES, REFERENCE])('on $name', ({ open }) => {
  test('numbers that are made piece by piece are those of an array', async () => {
    const engine = await open();
    const source = floatsOf(content(), byteTables(1));
    expect(await lossOf(engine, source)).toBe(await lossOf(engine, floats(source)));
    await engine.close();
  });

  test('and both are rounded alike where images are stored in bfloat16', async () => {
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
});
