import type { Graph, ValueId } from '../graph/op.ts';
import type { CompiledNetwork, CompiledProgram } from '../plan/compiled-network.ts';
import { shown } from '../tensor/argument.ts';
import { elementCount, formatShape, type Shape } from '../tensor/shape.ts';
import { didYouMean } from '../tensor/suggest.ts';
import { EngineError, type Input, isSource, type NumberSource, type RunScalars } from './engine.ts';

/** Most names in a message. */
const MOST_LISTED = 12;

/**
 * Checks all inputs of a program before any is copied: kernels use labels as indices.
 * @throws EngineError that names the input.
 */
export function requireInputs(graph: Graph, inputs: Readonly<Record<string, Input>>): void {
  const classesOf = new Map<ValueId, number>();
  for (const op of graph.ops) {
    if (op.kind === 'crossEntropy') classesOf.set(op.labels, graph.values[op.logits]!.shape[1]!);
  }
  for (const name of Object.keys(inputs ?? {})) {
    if (!graph.inputs.has(name)) throw new EngineError(unknown('input', name, graph.inputs.keys()));
  }
  for (const [name, id] of graph.inputs) {
    const { shape } = graph.values[id]!;
    const [numbers, count] = [inputs?.[name], elementCount(shape)];
    const classes = classesOf.get(id);
    if (classes !== undefined) requireLabels(name, numbers, classes);
    else if (!isFloats(numbers)) {
      throw new EngineError(
        `input ${name} (${formatShape(shape)}) is ${shown(numbers)}: expected a Float32Array of ${count} numbers`,
      );
    }
    if (numbers!.length !== count) {
      throw new EngineError(
        `input ${name} (${formatShape(shape)}) has ${numbers!.length} numbers: expected ${count}`,
      );
    }
    if (isSource(numbers!)) requireEncoding(name, numbers);
  }
}

function requireEncoding(name: string, { length, encoded }: NumberSource): void {
  if (!encoded) return;
  const { bytes, tables } = encoded;
  if (bytes.length === length && tables.length > 0 && tables.every((table) => table.length === 256)) return;
  const lengths = tables.map((table) => table.length).join(', ');
  throw new EngineError(
    `input ${name} is encoded as ${bytes.length} bytes with tables of ${lengths || 'no'} numbers: expected ${length} bytes and 256 numbers per channel`,
  );
}

function isFloats(given: unknown): given is Input {
  if (given instanceof Float32Array || given instanceof Float64Array) return true;
  const { length, copyTo } = (given ?? {}) as Partial<NumberSource>;
  return typeof length === 'number' && typeof copyTo === 'function';
}

function requireLabels(name: string, labels: Input | undefined, classes: number): void {
  if (!(labels instanceof Int32Array)) {
    throw new EngineError(
      `input ${name} is ${shown(labels)}: expected an Int32Array of classes from 0 to ${classes - 1}`,
    );
  }
  const wrong = labels.findIndex((label) => label < 0 || label >= classes);
  if (wrong >= 0) {
    throw new EngineError(
      `input ${name}: number ${wrong} is ${labels[wrong]}, not a class from 0 to ${classes - 1}`,
    );
  }
}

/** @throws EngineError when a program's scalars are invalid, or it updates parameters without a learning rate. */
export function requireScalars(
  program: string,
  { graph }: CompiledProgram,
  scalars: RunScalars | undefined,
): void {
  const { learningRate, ...counts }: Partial<RunScalars> = scalars ?? {};
  const learns = graph.ops.some(({ kind }) => kind === 'sgd' || kind === 'adamw');
  if (learningRate === undefined ? learns : !Number.isFinite(learningRate)) {
    throw new EngineError(
      `learningRate is ${shown(learningRate)}: expected a number${learns ? `, as program ${program} updates the parameters` : ''}`,
    );
  }
  const least = { step: 1, stepSeed: 0, firstImage: 0 };
  for (const name of Object.keys(least) as (keyof typeof least)[]) {
    const value = counts[name];
    if (value === undefined || (Number.isInteger(value) && value >= least[name] && value < 2 ** 32)) continue;
    throw new EngineError(
      `${name} is ${shown(value)}: expected a whole number from ${least[name]}, below 2³²`,
    );
  }
}

/** @throws EngineError */
export function requireProgram({ programs }: CompiledNetwork, name: string): CompiledProgram {
  const program = programs.get(name);
  if (!program) throw new EngineError(unknown('program', name, programs.keys()));
  return program;
}

/** The shape of a state tensor. @throws EngineError */
export function requireTensor({ layout }: CompiledNetwork, name: string): Shape {
  const shape = layout.shapes.get(name);
  if (!shape) throw new EngineError(unknown('tensor', name, layout.shapes.keys()));
  return shape;
}

/** @throws EngineError when the number of elements is not that of the tensor. */
export function requireCount(name: string, shape: Shape, numbers: ArrayLike<number>): void {
  const count = elementCount(shape);
  if (numbers?.length === count) return;
  throw new EngineError(`${name} (${formatShape(shape)}) has ${count} numbers, got ${shown(numbers)}`);
}

/** The message for an unknown name. */
function unknown(what: string, name: string, names: Iterable<string>): string {
  const all = [...names];
  const listed = all.length <= MOST_LISTED ? `: there are ${all.join(', ')}` : '';
  return `the network has no ${what} called ${name}${listed}${didYouMean(`${name}`, all)}`;
}
