import { type Engine, isSource } from '../../src/engine/engine.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { floats } from './floats.ts';
import type { Results } from './module-run.ts';
import { numbers } from './module-run.ts';

/** Unit roundoff of bfloat16 (8 significant bits): the maximum relative error of rounding to nearest. */
export const UNIT_ROUNDOFF = 2 ** -9;

/** Ops that write no feature maps: statistics, features, losses, weights and their gradients. */
const NO_MAPS = /^(statistics|updateRunning|linear|crossEntropy|sgd|adamw|movingAverage|clip)|GradWeight$/;

/**
 * The reference engine with random errors of ± the unit roundoff in every element of all feature maps and their
 * gradients, including inputs: the maximum error of storage in bfloat16, and in more places than a fused plan
 * stores. The weights of convolutions also have such errors, because some processors multiply bfloat16 numbers;
 * optimizers use exact weights.
 */
export function roundedReference(draw: number): Engine {
  const random = numbers(draw);
  const off = (value: number) => value * (1 + (random() < 0.5 ? UNIT_ROUNDOFF : -UNIT_ROUNDOFF));
  // Other outputs are per-channel vectors, or positions of a max pool.
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
 * The root-mean-square error of each tensor, relative to the largest RMS in its layer (the exact gradient of a
 * bias before a batch norm is zero). Not the maximum, because a ReLU mask that flips near zero, or another maximum
 * in a max pool, causes a large error in a single element.
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
 * Tolerances for results with storage in bfloat16: four times the largest error in several draws of the rounded
 * reference (rare flips of masks occur only in some draws), plus the error of float32.
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
