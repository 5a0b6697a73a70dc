import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { Pair } from '../../src/tensor/shape.ts';
import { toNchw } from '../common/input.ts';
import { forward, type Layers, type NamedTensor, type PeerTask, type TrainingTask } from './forward.ts';

/** A network on jax-js, compiled by its `jit` for its WASM backend; single-threaded in Node. */

// The used part of its types, because it is not a dependency of the project. A call consumes its arguments (`ref`
// keeps one), which is free inside a function traced by `jit`.
interface JaxArray {
  readonly ref: JaxArray;
  add(other: JaxArray | number): JaxArray;
  sub(other: JaxArray | number): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  transpose(): JaxArray;
  data(): Promise<Float32Array>;
}

type State = Readonly<Record<string, JaxArray>>;
type Windows = readonly (readonly [before: number, after: number])[];

interface JaxJs {
  init(device: 'wasm'): Promise<readonly string[]>;
  defaultDevice(device: 'wasm'): void;
  jit<A extends readonly unknown[], R>(compute: (...args: A) => R): (...args: A) => R;
  valueAndGrad(loss: (state: State) => JaxArray): (state: State) => [JaxArray, State];
  readonly lax: {
    convGeneralDilated(x: JaxArray, weight: JaxArray, stride: Pair, padding: Windows): JaxArray;
    reduceWindow(x: JaxArray, reduce: (window: JaxArray) => JaxArray, kernel: Pair, stride: Pair): JaxArray;
  };
  readonly nn: { relu(x: JaxArray): JaxArray; logSoftmax(x: JaxArray, axis: number): JaxArray };
  readonly numpy: {
    array(numbers: Float32Array, options: { readonly shape: readonly number[] }): JaxArray;
    pad(x: JaxArray, widths: Windows): JaxArray;
    max(x: JaxArray): JaxArray;
    mean(x: JaxArray, axes?: readonly number[]): JaxArray;
    sum(x: JaxArray): JaxArray;
    sqrt(x: JaxArray): JaxArray;
    reciprocal(x: JaxArray): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    concatenate(arrays: readonly JaxArray[], axis: number): JaxArray;
  };
  readonly tree: {
    ref(state: State): State;
    map(compute: (...leaves: JaxArray[]) => JaxArray, ...states: readonly State[]): State;
  };
}

/** @returns a function that computes the logits. */
export async function jaxInference(folder: string, task: PeerTask) {
  const jax = await open(folder);
  const state = arrays(jax, task.state);
  const images = imagesOf(task);
  const infer = jax.jit((given: State, x: JaxArray) =>
    forward(task.root, x, layersOf(jax, given, 'evaluate')),
  );
  return () => infer(jax.tree.ref(state), jax.numpy.array(images.numbers, images)).data();
}

/** @returns a function that runs one SGD step and returns the loss; running statistics are not updated. */
export async function jaxTraining(folder: string, task: TrainingTask) {
  const jax = await open(folder);
  const { numpy: np } = jax;
  const images = imagesOf(task);
  const { labels, classes, learningRate } = task;
  const oneHot = new Float32Array(labels.length * classes);
  for (const [image, label] of labels.entries()) oneHot[image * classes + label] = 1;
  const step = jax.jit((given: State, x: JaxArray, target: JaxArray): [JaxArray, State] => {
    const [loss, gradients] = jax.valueAndGrad((state) => {
      const logits = forward(task.root, x.ref, layersOf(jax, state, 'train'));
      return np.sum(jax.nn.logSoftmax(logits, 1).mul(target.ref)).mul(-1 / labels.length);
    })(jax.tree.ref(given));
    return [
      loss,
      jax.tree.map((weight, gradient) => weight.sub(gradient.mul(learningRate)), given, gradients),
    ];
  });
  let state = arrays(
    jax,
    task.state.filter(([name]) => !name.includes('running_')),
  );
  return async () => {
    const [loss, next] = step(
      state,
      np.array(images.numbers, images),
      np.array(oneHot, { shape: [labels.length, classes] }),
    );
    state = next;
    return (await loss.data())[0]!;
  };
}

async function open(folder: string): Promise<JaxJs> {
  const path = createRequire(`${folder}/`).resolve('@jax-js/jax');
  const jax = (await import(pathToFileURL(path).href)) as JaxJs;
  await jax.init('wasm');
  jax.defaultDevice('wasm');
  return jax;
}

function arrays({ numpy }: JaxJs, state: readonly NamedTensor[]): State {
  return Object.fromEntries(state.map(([name, numbers, shape]) => [name, numpy.array(numbers, { shape })]));
}

function imagesOf({ images, imagesShape }: PeerTask): { numbers: Float32Array; shape: readonly number[] } {
  const [n, h, w, c] = imagesShape as [number, number, number, number];
  return { numbers: toNchw(images, imagesShape), shape: [n, c, h, w] };
}

function layersOf(jax: JaxJs, state: State, mode: 'train' | 'evaluate'): Layers<JaxArray> {
  const { lax, nn, numpy: np } = jax;
  const of = (name: string, part: string) => state[`${name}.${part}`]!.ref;
  const perChannel = (x: JaxArray) => x.reshape([-1, 1, 1]);
  const around = ([h, w]: Pair): Windows => [
    [h, h],
    [w, w],
  ];
  return {
    conv2d(x, name, { stride, padding, bias }) {
      const y = lax.convGeneralDilated(x.ref, of(name, 'weight'), stride, around(padding));
      return bias ? y.add(perChannel(of(name, 'bias'))) : y;
    },
    batchNorm(x, name, { eps }) {
      let [mean, variance] = [() => of(name, 'running_mean'), () => of(name, 'running_var')];
      if (mode === 'train') {
        const batchMean = np.mean(x.ref, [0, 2, 3]);
        const centred = x.ref.sub(perChannel(batchMean.ref));
        const batchVariance = np.mean(centred.ref.mul(centred), [0, 2, 3]);
        [mean, variance] = [() => batchMean.ref, () => batchVariance.ref];
      }
      const scale = of(name, 'weight').mul(np.reciprocal(np.sqrt(variance().add(eps))));
      const shift = of(name, 'bias').sub(mean().mul(scale.ref));
      return x.ref.mul(perChannel(scale)).add(perChannel(shift));
    },
    linear(x, name, { bias }) {
      const y = np.matmul(x.ref, of(name, 'weight').transpose());
      return bias ? y.add(of(name, 'bias')) : y;
    },
    relu: (x) => nn.relu(x.ref),
    maxPool(x, { kernel, stride, padding }) {
      const padded = np.pad(x.ref, [[0, 0], [0, 0], ...around(padding)]);
      return lax.reduceWindow(padded, (window) => np.max(window), kernel, stride);
    },
    avgPool: (x, { kernel, stride }) => lax.reduceWindow(x.ref, (window) => np.mean(window), kernel, stride),
    globalAvgPool: (x) => np.mean(x.ref, [2, 3]),
    concat: (a, b) => np.concatenate([a.ref, b.ref], 1),
    add: (a, b) => a.ref.add(b.ref),
  };
}
