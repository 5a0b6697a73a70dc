import { z } from 'zod';
import { compile } from '../compile.ts';
import type { Engine } from '../engine/engine.ts';
import { type SafetensorsContent, SafetensorsError } from '../io/safetensors.ts';
import { densenet } from '../model/densenet.ts';
import type { Model } from '../model/module.ts';
import { counted } from '../tensor/counted.ts';
import type { Precision } from '../tensor/precision.ts';
import { formatShape, type Shape, shapesEqual } from '../tensor/shape.ts';

/** Error of an engine on one group of a reference file's tensors. */
export interface GroupError {
  readonly group: string;
  /** The maximum absolute difference, relative to the largest value in the tensor's layer. */
  readonly error: number;
  readonly bound: number;
  /** The tensor with the largest error. */
  readonly worst: string;
  readonly passed: boolean;
}

const GROUPS = ['logits', 'loss', 'grad', 'after', 'eval_logits'] as const;

const json = (text: string, ctx: z.RefinementCtx): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    ctx.addIssue({ code: 'custom', message: 'is not JSON' });
    return z.NEVER;
  }
};

/** The step described in a file; all fields are strings in the file. */
const stepSchema = z.object({
  lr: z.coerce.number().positive(),
  spread: z
    .string()
    .transform(json)
    .pipe(z.object(Object.fromEntries(GROUPS.map((g) => [g, z.number()])))),
});

/** The network described in a file. */
const networkSchema = z.object({
  blocks: z.string().transform(json).pipe(z.array(z.int().positive()).min(1)),
  growth: z.coerce.number().int().positive(),
  stem: z.coerce.number().int().positive(),
  classes: z.coerce.number().int().positive(),
  pool: z.enum(['avg', 'max']),
  bn_eps: z.coerce.number().positive(),
  bn_momentum: z.coerce.number().positive(),
});

function parsed<T>(schema: z.ZodType<T>, metadata: SafetensorsContent['metadata'], source: string): T {
  const result = schema.safeParse(Object.fromEntries(metadata));
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new SafetensorsError(`${source}: not of the one-step format: metadata ${path.join('.')}: ${message}`);
}

/**
 * Replays a file of the one-step format on an engine: one SGD step from `before.*` on `x`, `y`, then evaluation;
 * compares each tensor with the file's. float32 engines pass within 4 × the spread of PyTorch's own float32 + 1e-6.
 * @param source the file's name for messages.
 * @throws SafetensorsError when the file is not of the format; ShapeError when its network does not fit its images.
 */
export async function replayOneStep(
  content: SafetensorsContent,
  source: string,
  engine: Engine,
  precision: Precision = 'f32',
): Promise<GroupError[]> {
  const { growth, ...network } = parsed(networkSchema, content.metadata, source);
  const { bn_eps: eps, bn_momentum: momentum, ...sizes } = network;
  const modelOf = (channels: number) =>
    densenet({ name: source, channels, growthRate: growth, eps, momentum, ...sizes });
  return replayStepOf(modelOf, content, source, engine, precision);
}

/**
 * The same for a network that the file does not describe. @param modelOf returns the network for images with this
 * number of channels.
 */
export async function replayStepOf(
  modelOf: (channels: number) => Model,
  { metadata, tensors }: SafetensorsContent,
  source: string,
  engine: Engine,
  precision: Precision = 'f32',
): Promise<GroupError[]> {
  const meta = parsed(stepSchema, metadata, source);
  const expect = (name: string, shape?: Shape): Float64Array => {
    const tensor = tensors.get(name);
    if (!tensor) throw new SafetensorsError(`${source}: tensor ${name} is missing`);
    if (shape && !shapesEqual(tensor.shape, shape)) {
      throw new SafetensorsError(
        `${source}: tensor ${name} is ${formatShape(tensor.shape)}, the network has ${formatShape(shape)}`,
      );
    }
    const { data } = tensor;
    return data instanceof Float32Array ? new Float64Array(data) : Float64Array.from(data, Number);
  };

  const x = expect('x');
  const xShape = tensors.get('x')!.shape;
  if (xShape.length !== 4) throw new SafetensorsError(`${source}: x is ${formatShape(xShape)}, not N×C×H×W`);
  const [batch, channels, height, width] = xShape as [number, number, number, number];
  const model = modelOf(channels);
  const { classes } = model;
  const labels = Int32Array.from(expect('y', [batch]));
  if (labels.some((label) => label < 0 || label >= classes)) {
    throw new SafetensorsError(
      `${source}: a label of y is beyond the ${counted(classes, 'class', 'classes')}`,
    );
  }
  const programs = { train: { batch, mode: 'train' }, evaluate: { batch, mode: 'evaluate' } } as const;
  const { network } = compile(model, [height, width], programs, { precision, target: engine.target });

  const session = await engine.open(network);
  const got = new Map<string, ArrayLike<number>>();
  try {
    for (const [name, { shape }] of network.state) session.write(name, expect(`before.${name}`, shape));
    const inputs = { images: channelsLast(x, channels, height * width), labels };
    const step = await session.run('train', inputs, { learningRate: meta.lr });
    for (const name of ['logits', 'loss']) got.set(name, step.get(name)!);
    for (const [name, { role }] of network.state) {
      got.set(`after.${name}`, await session.read(name));
      if (role === 'parameter') got.set(`grad.${name}`, await session.read(`grad.${name}`));
    }
    const evaluation = await session.run('evaluate', inputs);
    got.set('eval_logits', evaluation.get('logits')!);
  } finally {
    await session.close();
  }

  const shapeOf = (name: string): Shape => {
    if (name.endsWith('logits')) return [batch, classes];
    return name === 'loss' ? [1] : network.state.get(name.slice(name.indexOf('.') + 1))!.shape;
  };
  const want = new Map([...got.keys()].map((name) => [name, expect(name, shapeOf(name))]));
  const scales = layerScales(want);
  return GROUPS.map((group) => {
    let [error, worst] = [0, group as string];
    for (const [name, truth] of want) {
      if (name.split('.')[0] !== group) continue;
      const off = greatestDifference(got.get(name)!, truth) / scales.get(layerOf(name))!;
      if (!(off <= error)) [error, worst] = [Number.isNaN(off) ? Number.POSITIVE_INFINITY : off, name];
    }
    const bound = engine.isa === 'float64' ? 2e-6 : 4 * meta.spread[group]! + 1e-6;
    return { group, error, bound, worst, passed: error <= bound };
  });
}

/**
 * Weight and bias are measured together: a bias before a batch norm has a true gradient of zero, so its own values
 * are only noise.
 */
function layerOf(name: string): string {
  return name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : name;
}

function layerScales(tensors: ReadonlyMap<string, Float64Array>): ReadonlyMap<string, number> {
  const scales = new Map<string, number>();
  for (const [name, data] of tensors) {
    const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);
    scales.set(layerOf(name), Math.max(scales.get(layerOf(name)) ?? 0, largest));
  }
  return scales;
}

function greatestDifference(got: ArrayLike<number>, want: Float64Array): number {
  let most = 0;
  for (let i = 0; i < want.length; i++) {
    const difference = Math.abs(got[i]! - want[i]!);
    if (!(difference <= most)) most = difference;
  }
  return most;
}

/** N, C, H, W → N, H, W, C. */
function channelsLast(data: Float64Array, channels: number, pixels: number): Float64Array {
  const out = new Float64Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const [image, within] = [Math.floor(i / (channels * pixels)), i % (channels * pixels)];
    out[image * channels * pixels + (within % pixels) * channels + Math.floor(within / pixels)] = data[i]!;
  }
  return out;
}
