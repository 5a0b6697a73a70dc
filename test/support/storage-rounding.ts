import { type Engine, isSource } from '../../src/engine/engine.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { floats } from './floats.ts';
import type { Results } from './module-run.ts';
import { numbers } from './module-run.ts';

/** Of rounding to nearest with bfloat16's 8 significant bits: no number moves by more than this part of itself. */
export const UNIT_ROUNDOFF = 2 ** -9;

/** Ops that write no feature maps: statistics, features, losses; weights and their gradients, four axes or not. */
const NO_MAPS = /^(statistics|updateRunning|linear|crossEntropy|sgd|adamw|movingAverage|clip)|GradWeight$/;

/**
 * The reference, but every number of every feature map and of its gradients, what comes in among them, is off by the
 * unit roundoff, up or down at random: by as much as storage in bfloat16 may change it, and in more places than a fused
 * plan stores. So are the weights that convolutions multiply: some processors multiply bfloat16 numbers. What changes the
 * weights has them as they are.
 */
export function roundedReference(draw: number): Engine {
  const random = numbers(draw);
  const off = (value: number) => value * (1 + (random() < 0.5 ? UNIT_ROUNDOFF : -UNIT_ROUNDOFF));
  // Other outputs are vectors over channels, or the positions of a pool's winners.
  const engine = createReferenceEngine((values, op, index) =>
    index > 0 || NO_MAPS.test(op.kind) ? values : values.map(off),
  );
  return {
    ...engine,
    open: async (network) => {
      const session = await engine.open(network);
      const weights = [...network.state]
        .filter(([, { role, shape }]) => role === 'parameter' && shape.length === 4)
        .map(([name]) => name);
      return {
        read: (name) => session.read(name),
        write: (name, data) => session.write(name, data),
        close: () => session.close(),
        run: async (program, inputs, scalars) => {
          const stored = Object.entries(inputs).map(([name, data]) => [
            name,
            data instanceof Int32Array
              ? data.slice()
              : Float64Array.from(isSource(data) ? floats(data) : data, off),
          ]);
          const errors: (Float32Array | Float64Array)[] = [];
          for (const name of weights) {
            const exact = await session.read(name);
            const rounded = Float64Array.from(exact, off);
            session.write(name, rounded);
            errors.push(exact.map((weight, i) => weight - rounded[i]!));
          }
          const outputs = await session.run(program, Object.fromEntries(stored), scalars);
          for (const [i, name] of weights.entries()) {
            const changed = await session.read(name);
            session.write(
              name,
              changed.map((weight, k) => weight + errors[i]![k]!),
            );
          }
          return outputs;
        },
      };
    },
  };
}

/**
 * The error of each tensor: root of the mean square, against the largest root mean square in its layer (a bias before a
 * batch norm has a true gradient of zero). A mask that flips where a number was nearly zero, or another winner of a
 * max pool, is a whole wrong number in one place: that counts in the mean, in the maximum it would be all there is.
 */
export function meanErrors(got: Results, want: Results): Map<string, number> {
  const layerOf = (name: string) => name.slice(0, Math.max(0, name.lastIndexOf('.')));
  const scales = new Map<string, number>();
  for (const [name, values] of want) {
    scales.set(
      layerOf(name),
      Math.max(
        scales.get(layerOf(name)) ?? 0,
        rootMeanSquare(values, () => 0),
      ),
    );
  }
  return new Map(
    [...want].map(([name, values]) => {
      const mine = got.get(name)!;
      const off = mine.length === values.length ? rootMeanSquare(mine, (i) => values[i]!) : Number.NaN;
      const error = off / Math.max(scales.get(layerOf(name))!, 1e-12);
      return [name, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error];
    }),
  );
}

function rootMeanSquare(values: ArrayLike<number>, middle: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i]! - middle(i)) ** 2;
  return Math.sqrt(sum / values.length);
}

/**
 * How far results may be off that were stored in bfloat16: four times as far as the farthest of some draws of the
 * rounded reference (a mask that flips in one of a few hundred places flips in some draws only), and float32's own error.
 */
export async function storageBounds(
  run: (engine: Engine) => Promise<Results>,
  want: Results,
  float32Error: number,
): Promise<Map<string, number>> {
  const draws: Map<string, number>[] = [];
  for (const draw of [11, 12, 13, 14, 15, 16])
    draws.push(meanErrors(await run(roundedReference(draw)), want));
  return new Map(
    [...want.keys()].map((name) => {
      const farthest = Math.max(...draws.map((errors) => errors.get(name)!));
      return [name, 4 * farthest + float32Error];
    }),
  );
}
