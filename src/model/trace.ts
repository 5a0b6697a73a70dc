import { GraphBuilder } from '../graph/build.ts';
import { type Layer, layerWithoutModule, partName } from '../graph/layer.ts';
import type { Graph, Op, ValueId } from '../graph/op.ts';
import { ArgumentError, requireOneOf, requireWhole, shown } from '../tensor/argument.ts';
import { assertNever } from '../tensor/assert-never.ts';
import { streamOf } from '../tensor/random.ts';
import { elementCount, type Pair, type Shape, ShapeError } from '../tensor/shape.ts';
import { hasPrefix } from './freeze.ts';
import { type Initialization, type Initializer, initialBias, initialWeight } from './initialize.ts';
import { withLeastSize } from './least-size.ts';
import type {
  BatchNormModule,
  Block,
  Conv2dModule,
  LinearModule,
  Model,
  Module,
  NamedModule,
} from './module.ts';

/**
 * Source of the batch norms' statistics: the batch (which also updates the running statistics), or the running
 * statistics. `statistics` only performs that update: it has no dropout, as in inference.
 */
export type Mode = (typeof MODES)[number];
const MODES = ['train', 'evaluate', 'statistics'] as const;

/** Options of a trace, such as additional outputs. */
export interface TraceOptions {
  /**
   * Prefixes of names of state that stays unchanged. A batch norm with frozen γ and β uses its running statistics in
   * training too, and does not update them.
   */
  readonly frozen?: readonly string[];
  /**
   * Feature maps [N, C, H, W] to add as outputs: `features`, the input of the global pool; `block 1`, `block 2`, …,
   * the output of each dense block or residual stage.
   */
  readonly outputs?: readonly string[];
  /** Label smoothing of the loss. Default 0. */
  readonly labelSmoothing?: number;
  /** Multiplies the loss of each image by its element of an additional input, `imageWeights`. */
  readonly weighted?: boolean;
  /** Size of the whole batch, if these images are a part of it: the loss is their share of its mean. */
  readonly partOf?: number;
  /** Ranks that share the batch; these images are the share of one rank. Default 1. */
  readonly ranks?: number;
}

/** A top-level layer of a model, for summaries as in the notes. */
export interface LayerSummary {
  /** The layer's own name (`denseblock1`), or its class if it only has a number. */
  readonly name: string;
  readonly outputShape: Shape;
  readonly parameters: number;
}

/**
 * A model's forward pass for one input shape, with inputs `images`, `labels` (and `imageWeights`) and outputs
 * `logits`, `loss`, `correct`.
 */
export interface Trace {
  readonly graph: Graph;
  /** Initialiser of each parameter and running statistic, by PyTorch name, in the model's order. */
  readonly initializers: ReadonlyMap<string, Initializer>;
  readonly layers: readonly LayerSummary[];
  /** Feature maps that `TraceOptions.outputs` may name, in the model's order. */
  readonly features: ReadonlyMap<string, ValueId>;
}

/**
 * Traces a classifier.
 * @param size [height, width] of the images in pixels.
 * @throws ArgumentError for an invalid model, batch, size or mode; ShapeError naming the layer that does not fit and,
 * if larger images would fit, the smallest size that works; RangeError for unknown names in `frozen` or `outputs`.
 */
export function trace(
  model: Model,
  batch: number,
  size: Pair,
  mode: Mode,
  options: TraceOptions = {},
): Trace {
  requireModel(model);
  requireWhole('the batch', batch);
  requirePair('the size of images', size);
  requireOneOf('mode', mode, MODES);
  try {
    return traceFitting(model, batch, size, mode, options);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw withLeastSize(error, size, (larger) => traceFitting(model, batch, larger, mode, options));
  }
}

/** @throws ArgumentError */
function requireModel(model: Model): void {
  if (model?.root?.kind !== 'sequential') {
    throw new ArgumentError(`the model is ${shown(model)}: expected what modelByName, densenet, … return`);
  }
  requireWhole(`channels of ${model.name}`, model.channels);
  requireWhole(`classes of ${model.name}`, model.classes);
}

/** @throws ArgumentError */
function requirePair(what: string, pair: Pair): void {
  if (!Array.isArray(pair) || pair.length !== 2)
    throw new ArgumentError(`${what} is ${shown(pair)}: expected [height, width]`);
  for (const pixels of pair) requireWhole(`${what}, [${pair}],`, pixels);
}

/** @throws ShapeError */
function traceFitting(
  model: Model,
  batch: number,
  size: Pair,
  mode: Mode,
  { frozen = [], outputs = [], labelSmoothing = 0, weighted = false, partOf, ranks = 1 }: TraceOptions,
): Trace {
  const tracer = new Tracer(mode, model.initialization, frozen, ranks);
  const { builder } = tracer;
  const images = builder.input('images', [batch, model.channels, ...size]);
  const labels = builder.input('labels', [batch]);
  const weights = weighted ? { imageWeights: builder.input('imageWeights', [batch]) } : {};
  const layers: LayerSummary[] = [];
  const features = new Map<string, ValueId>();
  let [x, blocks] = [images, 0];
  for (const [name, module] of model.root.children) {
    const before = tracer.parameterCount;
    if (module.kind === 'globalAvgPool') features.set('features', x);
    x = tracer.module(module, x, { path: [name], block: undefined });
    if (isBlock(module)) features.set(`block ${++blocks}`, x);
    const outputShape = builder.shapeOf(x);
    layers.push({ name: printedName(name, module), outputShape, parameters: tracer.parameterCount - before });
  }
  builder.output('logits', x);
  const part = partOf === undefined ? {} : { partOf };
  const of = { logits: x, labels, smoothing: labelSmoothing, ...weights, ...part };
  const layer = layerWithoutModule('loss');
  const [loss, correct] = builder.add({ kind: 'crossEntropy', layer, phase: 'forward', ...of });
  builder.output('loss', loss!);
  builder.output('correct', correct!);
  for (const name of outputs) {
    const id = features.get(name);
    if (id === undefined)
      throw new RangeError(
        `${model.name} has no features ${name}: there are ${[...features.keys()].join(', ')}`,
      );
    builder.output(name, id);
  }
  for (const prefix of frozen) {
    if (![...tracer.initializers.keys()].some((name) => hasPrefix(name, [prefix])))
      throw new RangeError(`${model.name} has no parameters ${prefix} to freeze`);
  }
  return { graph: builder.build(), initializers: tracer.initializers, layers, features };
}

/** Traces any module alone: input `x`, output `y`. For tests and experiments. */
export function traceModule(
  module: Module,
  inputShape: Shape,
  mode: Mode,
): Pick<Trace, 'graph' | 'initializers'> {
  const tracer = new Tracer(mode, undefined, [], 1);
  const x = tracer.builder.input('x', inputShape);
  tracer.builder.output('y', tracer.module(module, x, { path: [], block: undefined }));
  return { graph: tracer.builder.build(), initializers: tracer.initializers };
}

/** The layer and phase of the ops of a module. */
type Origin = Pick<Op, 'layer' | 'phase'>;

/** The position of a module in the model. */
interface Place {
  readonly path: readonly string[];
  readonly block: Block | undefined;
}

class Tracer {
  readonly builder = new GraphBuilder();
  readonly initializers = new Map<string, Initializer>();
  parameterCount = 0;
  readonly #modules = new Set<string>();
  readonly #mode: Mode;
  readonly #initialization: Initialization;
  readonly #frozen: readonly string[];
  readonly #ranks: number;

  constructor(
    mode: Mode,
    initialization: Initialization = 'xavierUniform',
    frozen: readonly string[],
    ranks: number,
  ) {
    this.#ranks = ranks;
    this.#mode = mode;
    this.#initialization = initialization;
    this.#frozen = frozen;
  }

  /** Appends a module's ops and returns its output. */
  module(module: Module, x: ValueId, place: Place): ValueId {
    if (module.kind === 'identity') return x;
    if (module.kind === 'sequential') {
      return module.children.reduce((value, child) => this.#child(child, value, place, module.block), x);
    }
    const at = { layer: this.#layer(module, place), phase: 'forward' } as const;
    const { builder } = this;
    switch (module.kind) {
      case 'conv2d':
        return this.#conv2d(module, x, place, at);
      case 'linear':
        return this.#linear(module, x, place, at);
      case 'batchNorm':
        return this.#batchNorm(module, x, place, at);
      case 'relu':
        return builder.addOne({ kind: 'relu', ...at, x });
      case 'dropout': {
        const { rate } = module;
        if (this.#mode !== 'train' || rate === 0) return x;
        const stream = streamOf(`dropout.${joinPath(place.path)}`);
        return builder.addOne({ kind: 'dropout', ...at, x, dropout: { rate, stream } });
      }
      case 'maxPool':
      case 'avgPool': {
        const { kind, kernel, stride, padding } = module;
        return builder.addOne({ kind, ...at, x, kernel, stride, padding });
      }
      case 'globalAvgPool': {
        const kernel = builder.shapeOf(x).slice(2) as unknown as readonly [number, number];
        return builder.addOne({ kind: 'avgPool', ...at, x, kernel, stride: kernel, padding: [0, 0] });
      }
      case 'flatten':
        return builder.addOne({ kind: 'flatten', ...at, x });
      case 'denseBlock':
        return module.layers.reduce((features, child) => {
          const y = this.#child(child, features, place, module.block);
          return builder.addOne({ kind: 'concat', ...at, operands: [features, y] });
        }, x);
      case 'sum': {
        const [first, ...others] = module.branches.map((child) => this.#child(child, x, place, module.block));
        return others.reduce((a, b) => builder.addOne({ kind: 'add', ...at, a, b }), first!);
      }
      default:
        return assertNever(module);
    }
  }

  /** The layer of a module: the same in every mode, because all modules with ops are numbered in order. */
  #layer(module: Module, place: Place): Layer {
    const path = joinPath(place.path);
    const named = joinPath([path, module.kind]);
    let name = path === '' ? named : path;
    for (let n = 1; this.#modules.has(name); n++) name = n === 1 ? named : `${named}${n}`;
    this.#modules.add(name);
    const block = place.block ?? ('block' in module ? module.block : undefined);
    return { module: name, block, label: labelOf(module, path, block) };
  }

  #child([name, child]: NamedModule, x: ValueId, place: Place, block: Block | undefined): ValueId {
    return this.module(child, x, { path: [...place.path, name], block: block ?? place.block });
  }

  #conv2d(module: Conv2dModule, x: ValueId, place: Place, at: Origin): ValueId {
    const { outChannels, kernel, stride, padding } = module;
    const channels = this.builder.shapeOf(x)[1]!;
    const taps = kernel[0] * kernel[1];
    const scheme = this.#initialization;
    const init = initialWeight(scheme, 'conv2d', channels * taps, outChannels * taps);
    const weight = this.#state(place, 'weight', [outChannels, channels, ...kernel], init);
    const bias = module.bias
      ? { bias: this.#state(place, 'bias', [outChannels], initialBias(scheme, channels * taps)) }
      : {};
    return this.builder.addOne({ kind: 'conv2d', ...at, x, weight, ...bias, kernel, stride, padding });
  }

  #linear(module: LinearModule, x: ValueId, place: Place, at: Origin): ValueId {
    const features = this.builder.shapeOf(x)[1]!;
    const scheme = this.#initialization;
    const init = initialWeight(scheme, 'linear', features, module.outFeatures);
    const weight = this.#state(place, 'weight', [module.outFeatures, features], init);
    const bias = module.bias
      ? { bias: this.#state(place, 'bias', [module.outFeatures], initialBias(scheme, features)) }
      : {};
    return this.builder.addOne({ kind: 'linear', ...at, x, weight, ...bias });
  }

  #batchNorm(module: BatchNormModule, x: ValueId, place: Place, at: Origin): ValueId {
    const { builder } = this;
    const { layer } = at;
    const [n, c, h = 1, w = 1] = builder.shapeOf(x) as [number, number, number?, number?];
    const gamma = this.#state(place, 'weight', [c], { kind: 'constant', value: 1 });
    const beta = this.#state(place, 'bias', [c], { kind: 'constant', value: 0 });
    const runningMean = this.#state(place, 'running_mean', [c], { kind: 'constant', value: 0 }, 'buffer');
    const runningVar = this.#state(place, 'running_var', [c], { kind: 'constant', value: 1 }, 'buffer');
    let [mean, variance] = [runningMean, runningVar];
    const isFrozen = ['weight', 'bias'].every((name) =>
      hasPrefix(joinPath([...place.path, name]), this.#frozen),
    );
    if (this.#mode !== 'evaluate' && !isFrozen) {
      const shared = this.#ranks === 1 ? {} : { ranks: this.#ranks };
      [mean, variance] = builder.add({ kind: 'statistics', ...at, x, ...shared }) as [ValueId, ValueId];
      const { momentum } = module;
      const [newMean, newVar] = builder.add({
        kind: 'updateRunningStatistics',
        layer,
        phase: 'update',
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
    return builder.addOne({ kind: 'batchNorm', ...at, x, batchNorm });
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

/** `transition 3 (6.3 avgPool)`: the block, then the path and kind. */
function labelOf(module: Module, path: string, block: Block | undefined): string {
  const name = path === '' ? module.kind : `${path} ${module.kind}`;
  return block ? `${partName(block)} (${name})` : name;
}

/** True for a layer whose output is that of a block: a dense block, or a stage of residual sums. */
function isBlock(module: Module): boolean {
  if (module.kind === 'sequential') return module.children.some(([, child]) => isBlock(child));
  return module.kind === 'denseBlock' || module.kind === 'sum';
}

/** A layer's name in summaries: its own name, or its PyTorch class if it only has a number, or nothing. */
function printedName(path: string, module: Module): string {
  const name = path.slice(path.lastIndexOf('.') + 1);
  return /^\d*$/.test(name) ? className(module) : name;
}

function className(module: Module): string {
  const names: Record<Module['kind'], string> = {
    conv2d: 'Conv2d',
    batchNorm: 'BatchNorm2d',
    relu: 'ReLU',
    dropout: 'Dropout',
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
  return ('className' in module && module.className) || names[module.kind];
}
