import type { compile } from '../../src/compile.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { densenet } from '../../src/model/densenet.ts';

/**
 * Runs two steps of a small network; returns the bits of its state. It is sent to a page as text, so it must not
 * use outer variables.
 */
export async function oneStep(
  engine: Engine,
  compileNetwork: typeof compile,
  network: typeof densenet,
): Promise<{ losses: number[]; bits: Record<string, number[]> }> {
  const batch = 6;
  const model = network({ stem: 20, growthRate: 12, blocks: [2, 3], classes: 7, channels: 3 });
  const { network: compiled } = compileNetwork(model, [42, 35], { train: { batch, mode: 'train' } });
  const session = await engine.open(compiled);
  let state = 12345;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  for (const [name, { shape }] of compiled.state) {
    const length = shape.reduce((product, size) => product * size, 1);
    const offset = name.endsWith('running_var') || shape.length === 1 ? 0.5 : -0.5;
    session.write(
      name,
      Float32Array.from({ length }, () => (random() + offset) * (shape.length === 4 ? 0.3 : 1)),
    );
  }
  const images = Float32Array.from({ length: batch * 42 * 35 * 3 }, random);
  const labels = Int32Array.from({ length: batch }, (_, i) => i % 7);
  const losses: number[] = [];
  for (let step = 0; step < 2; step++) {
    const outputs = await session.run('train', { images, labels }, { learningRate: 0.02 });
    losses.push(outputs.get('loss')![0]!);
  }
  const bits: Record<string, number[]> = {};
  for (const name of compiled.state.keys()) {
    const data = await session.read(name);
    bits[name] = Array.from(new Uint32Array(data.buffer, data.byteOffset, data.length));
  }
  await engine.close();
  return { losses, bits };
}
