import type { Graph, ValueId } from '../graph/op.ts';
import { elementCount, formatShape } from '../tensor/shape.ts';
import { EngineError, type Input, isSource } from './engine.ts';

/**
 * Everything that can be wrong with what a program is given, before any of it is taken: kernels index with labels.
 * @throws EngineError that names the input.
 */
export function requireInputs(graph: Graph, inputs: Readonly<Record<string, Input>>): void {
  const classesOf = new Map<ValueId, number>();
  for (const op of graph.ops) {
    if (op.kind === 'crossEntropy') classesOf.set(op.labels, graph.values[op.logits]!.shape[1]!);
  }
  for (const [name, id] of graph.inputs) {
    const { shape } = graph.values[id]!;
    const [numbers, count] = [inputs[name], elementCount(shape)];
    if (numbers?.length !== count) {
      throw new EngineError(`input ${name} wants ${count} numbers, got ${numbers?.length ?? 'none'}`);
    }
    const classes = classesOf.get(id);
    if (classes !== undefined) requireLabels(name, numbers, classes);
    else if (numbers instanceof Int32Array) {
      throw new EngineError(`input ${name}, ${formatShape(shape)}, wants a Float32Array, got an Int32Array`);
    }
  }
}

function requireLabels(name: string, labels: Input, classes: number): void {
  if (isSource(labels) || !(labels instanceof Int32Array)) {
    throw new EngineError(`input ${name} wants an Int32Array of classes from 0 to ${classes - 1}`);
  }
  const wrong = labels.findIndex((label) => label < 0 || label >= classes);
  if (wrong >= 0) {
    throw new EngineError(
      `input ${name}: number ${wrong} is ${labels[wrong]}, no class from 0 to ${classes - 1}`,
    );
  }
}
