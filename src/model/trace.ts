import { GraphBuilder } from '../graph/build.ts';
import type { Graph, ValueId } from '../graph/op.ts';
import { assertNever } from '../tensor/assert-never.ts';
import { elementCount, type Shape } from '../tensor/shape.ts';
import { type Initializer, uniformByFanIn, xavierUniform } from './initialize.ts';
import type { BatchNormModule, Conv2dModule, LinearModule, Model, Module, NamedModule } from './module.ts';

/** How batch norms get their statistics: from the batch (and the running ones are updated), or the running ones. */
export type Mode = 'train' | 'evaluate';

/** A top-level layer of a model, as the notes print them. */
export interface LayerSummary {
  readonly name: string;
  readonly outputShape: Shape;
  readonly parameters: number;
}

/** A model's forward pass on one input shape, with inputs `images`, `labels` and outputs `logits`, `loss`, `correct`. */
export interface Trace {
  readonly graph: Graph;
  /** How each parameter and running statistic starts, by PyTorch name, in the model's order. */
  readonly initializers: ReadonlyMap<string, Initializer>;
  readonly layers: readonly LayerSummary[];
}

/** Traces a classifier. @param size [height, width] of the images in pixels. @throws ShapeError naming the layer. */
export function trace(
  model: Model,
  batch: number,
  size: readonly [number, number],
  mode: Mode,
  labelSmoothing = 0,
): Trace {
  const tracer = new Tracer(mode);
  const { builder } = tracer;
  const images = builder.input('images', [batch, model.channels, ...size]);
  const labels = builder.input('labels', [batch]);
  const layers: LayerSummary[] = [];
  let x = images;
  for (const [name, module] of model.root.children) {
    const before = tracer.parameterCount;
    x = tracer.module(module, x, { path: [name], label: undefined });
    const outputShape = builder.shapeOf(x);
    layers.push({ name: pytorchName(module), outputShape, parameters: tracer.parameterCount - before });
  }
  builder.output('logits', x);
  const smoothing = labelSmoothing;
  const [loss, correct] = builder.add({ kind: 'crossEntropy', layer: 'loss', logits: x, labels, smoothing });
  builder.output('loss', loss!);
  builder.output('correct', correct!);
  return { graph: builder.build(), initializers: tracer.initializers, layers };
}

/** Traces any module alone: input `x`, output `y`. For tests and experiments. */
export function traceModule(module: Module, inputShape: Shape, mode: Mode): Omit<Trace, 'layers'> {
  const tracer = new Tracer(mode);
  const x = tracer.builder.input('x', inputShape);
  tracer.builder.output('y', tracer.module(module, x, { path: [], label: undefined }));
  return { graph: tracer.builder.build(), initializers: tracer.initializers };
}

/** Where in the model a module stands. */
interface Place {
  readonly path: readonly string[];
  readonly label: string | undefined;
}

class Tracer {
  readonly builder = new GraphBuilder();
  readonly initializers = new Map<string, Initializer>();
  parameterCount = 0;
  readonly #mode: Mode;

  constructor(mode: Mode) {
    this.#mode = mode;
  }

  /** Appends a module's ops and returns its output. */
  module(module: Module, x: ValueId, place: Place): ValueId {
    const layer = layerName(module, place);
    const { builder } = this;
    switch (module.kind) {
      case 'conv2d':
        return this.#conv2d(module, x, place, layer);
      case 'linear':
        return this.#linear(module, x, place, layer);
      case 'batchNorm':
        return this.#batchNorm(module, x, place, layer);
      case 'relu':
        return builder.addOne({ kind: 'relu', layer, x });
      case 'maxPool':
      case 'avgPool': {
        const { kind, kernel, stride, padding } = module;
        return builder.addOne({ kind, layer, x, kernel, stride, padding });
      }
      case 'globalAvgPool': {
        const kernel = builder.shapeOf(x).slice(2) as unknown as readonly [number, number];
        return builder.addOne({ kind: 'avgPool', layer, x, kernel, stride: kernel, padding: [0, 0] });
      }
      case 'flatten':
        return builder.addOne({ kind: 'flatten', layer, x });
      case 'identity':
        return x;
      case 'sequential':
        return module.children.reduce((value, child) => this.#child(child, value, place, module.label), x);
      case 'denseBlock':
        return module.layers.reduce((features, child) => {
          const y = this.#child(child, features, place, module.label);
          return builder.addOne({ kind: 'concat', layer, operands: [features, y] });
        }, x);
      case 'sum': {
        const [first, ...others] = module.branches.map((child) => this.#child(child, x, place, module.label));
        return others.reduce((a, b) => builder.addOne({ kind: 'add', layer, a, b }), first!);
      }
      default:
        return assertNever(module);
    }
  }

  #child([name, child]: NamedModule, x: ValueId, place: Place, label: string | undefined): ValueId {
    return this.module(child, x, { path: [...place.path, name], label: label ?? place.label });
  }

  #conv2d(module: Conv2dModule, x: ValueId, place: Place, layer: string): ValueId {
    const { outChannels, kernel, stride, padding } = module;
    const channels = this.builder.shapeOf(x)[1]!;
    const taps = kernel[0] * kernel[1];
    const init = xavierUniform(channels * taps, outChannels * taps);
    const weight = this.#state(place, 'weight', [outChannels, channels, ...kernel], init);
    const bias = module.bias
      ? { bias: this.#state(place, 'bias', [outChannels], uniformByFanIn(channels * taps)) }
      : {};
    return this.builder.addOne({ kind: 'conv2d', layer, x, weight, ...bias, kernel, stride, padding });
  }

  #linear(module: LinearModule, x: ValueId, place: Place, layer: string): ValueId {
    const features = this.builder.shapeOf(x)[1]!;
    const init = xavierUniform(features, module.outFeatures);
    const weight = this.#state(place, 'weight', [module.outFeatures, features], init);
    const bias = module.bias
      ? { bias: this.#state(place, 'bias', [module.outFeatures], uniformByFanIn(features)) }
      : {};
    return this.builder.addOne({ kind: 'linear', layer, x, weight, ...bias });
  }

  #batchNorm(module: BatchNormModule, x: ValueId, place: Place, layer: string): ValueId {
    const { builder } = this;
    const [n, c, h = 1, w = 1] = builder.shapeOf(x) as [number, number, number?, number?];
    const gamma = this.#state(place, 'weight', [c], { kind: 'constant', value: 1 });
    const beta = this.#state(place, 'bias', [c], { kind: 'constant', value: 0 });
    const runningMean = this.#state(place, 'running_mean', [c], { kind: 'constant', value: 0 }, 'buffer');
    const runningVar = this.#state(place, 'running_var', [c], { kind: 'constant', value: 1 }, 'buffer');
    let [mean, variance] = [runningMean, runningVar];
    if (this.#mode === 'train') {
      [mean, variance] = builder.add({ kind: 'statistics', layer, x }) as [ValueId, ValueId];
      const { momentum } = module;
      const [newMean, newVar] = builder.add({
        kind: 'updateRunningStatistics',
        layer,
        mean,
        variance,
        runningMean,
        runningVar,
        momentum,
        count: n * h * w,
      });
      builder.update(runningMean, newMean!);
      builder.update(runningVar, newVar!);
    }
    const batchNorm = { mean, variance, gamma, beta, eps: module.eps };
    return builder.addOne({ kind: 'batchNorm', layer, x, batchNorm });
  }

  #state(
    place: Place,
    name: string,
    shape: Shape,
    initializer: Initializer,
    role: 'parameter' | 'buffer' = 'parameter',
  ): ValueId {
    const full = joinPath([...place.path, name]);
    this.initializers.set(full, initializer);
    if (role === 'parameter') this.parameterCount += elementCount(shape);
    return this.builder.state(full, shape, role);
  }
}

function joinPath(path: readonly string[]): string {
  return path.filter((name) => name !== '').join('.');
}

/** `transition 3 (6.3 avgPool)`: where it is in words, and under which name. */
function layerName(module: Module, { path, label }: Place): string {
  const name = joinPath(path) === '' ? module.kind : `${joinPath(path)} ${module.kind}`;
  return label === undefined ? name : `${label} (${name})`;
}

/** The class PyTorch prints for the same layer. */
function pytorchName(module: Module): string {
  const names: Record<Module['kind'], string> = {
    conv2d: 'Conv2d',
    batchNorm: 'BatchNorm2d',
    relu: 'ReLU',
    maxPool: 'MaxPool2d',
    avgPool: 'AvgPool2d',
    globalAvgPool: 'AdaptiveAvgPool2d',
    flatten: 'Flatten',
    linear: 'Linear',
    identity: 'Identity',
    sequential: 'Sequential',
    denseBlock: 'DenseBlock',
    sum: 'Residual',
  };
  return names[module.kind];
}
