import type { CompiledProgram } from '../../plan/compiled-network.ts';
import type { Plan, Port } from '../../plan/plan.ts';
import { CONTROL, CONTROL_BYTES, NONE_FAILED } from '../../target/webgpu/constants.ts';
import { gpuRecords } from '../../target/webgpu/records.ts';
import { narrowToBfloat16, widenBfloat16 } from '../../tensor/bfloat16.ts';
import { asFeatureMap, elementCount, type Shape } from '../../tensor/shape.ts';
import { EngineError, type Input, isSource, type RunScalars } from '../engine.ts';
import type { Location, Memory } from './memory.ts';

/** The control block before a run. */
export function controlWords({ plan }: CompiledProgram, scalars: RunScalars | undefined): Uint32Array {
  const { learningRate = 0, step = 1, stepSeed = 0, firstImage = 0 } = scalars ?? {};
  const adamw = gpuRecords(plan.records).find(({ record }) => record.kind === 'adamw')?.record;
  // 1 − (1 − rest)^step without cancellation.
  const correction = (rest: number) => -Math.expm1(step * Math.log1p(-rest));
  const [biasCorrection1, biasCorrection2] =
    adamw?.kind === 'adamw' ? [correction(adamw.rest1), correction(adamw.rest2)] : [1, 1];
  const values: Record<keyof typeof CONTROL, number> = {
    failedRecord: NONE_FAILED,
    learningRate,
    step,
    stepSeed,
    firstImage,
    biasCorrection1,
    biasCorrection2,
  };
  const words = new Uint32Array(CONTROL_BYTES / 4);
  const floats = new Float32Array(words.buffer);
  for (const [i, name] of (Object.keys(CONTROL) as (keyof typeof CONTROL)[]).entries()) {
    (CONTROL[name] === 'f32' ? floats : words)[i] = values[name];
  }
  return words;
}

/** The bytes of an input as its port stores them. */
export function inputBytes({ view, shape }: Port, numbers: Input): Float32Array | Int32Array | Uint16Array {
  const count = elementCount(shape);
  let values: Float32Array | Int32Array;
  if (isSource(numbers)) {
    values = new Float32Array(count);
    numbers.copyTo(values, 0);
  } else values = numbers instanceof Float64Array ? Float32Array.from(numbers) : numbers;
  if (view.elementBytes === 4) return values;
  const halves = new Uint16Array(2 * Math.ceil(count / 2)); // Writes are whole words.
  narrowToBfloat16(values, halves);
  return halves;
}

/** Tables of 256 numbers in the form of kernels/webgpu/expand_bytes.wgsl: the bits of each number as one word. */
export function tableWords(tables: readonly Float32Array[], elementBytes: number): Uint32Array {
  const numbers = new Float32Array(256 * tables.length);
  for (const [c, table] of tables.entries()) numbers.set(table, 256 * c);
  if (elementBytes === 4) return new Uint32Array(numbers.buffer);
  const halves = new Uint16Array(numbers.length);
  narrowToBfloat16(numbers, halves);
  return Uint32Array.from(halves);
}

/** Where a port begins; undefined: the program does not use it. */
export function placeOf(
  memory: Memory,
  program: string,
  { buffers }: Pick<Plan, 'buffers'>,
  { view }: Port,
): Location | undefined {
  const placed = buffers.find(({ id }) => id === view.address);
  return placed && { buffer: memory.locate(program, placed), at: placed.offset };
}

/** The bytes of an output, from a multiple of 4 on; `skip` of them lie before it. */
export function spanOf(memory: Memory, program: string, plan: Pick<Plan, 'buffers'>, port: Port) {
  const { view, shape } = port;
  const place = placeOf(memory, program, plan, port);
  if (!place) throw new EngineError('an output has no buffer');
  const first = place.at + view.offset * view.elementBytes;
  const skip = first % 4;
  const bytes = Math.ceil((skip + elementsOf(port, shape) * view.elementBytes) / 4) * 4;
  return { buffer: place.buffer, at: first - skip, bytes, skip };
}

/** Elements from the first to the last of a port's tensor, with the gaps between pixels. */
function elementsOf({ view }: Port, shape: Shape): number {
  if (shape.length === 1) return elementCount(shape);
  const [n, c, h, w] = asFeatureMap(shape);
  return (n * h * w - 1) * view.stride + c;
}

/** A dense copy of an output. @param skip bytes in front of its first element. */
export function dense(port: Port, bytes: ArrayBuffer, skip: number): Float32Array {
  const { view, shape } = port;
  const elements = elementsOf(port, shape);
  const padded =
    view.elementBytes === 2
      ? widenBfloat16(new Uint16Array(bytes, skip, elements))
      : new Float32Array(bytes, 0, elements);
  if (shape.length === 1) return padded.slice(0, elementCount(shape));
  const [n, c, h, w] = asFeatureMap(shape);
  const result = new Float32Array(elementCount(shape));
  for (let pixel = 0; pixel < n * h * w; pixel++) {
    result.set(padded.subarray(pixel * view.stride, pixel * view.stride + c), pixel * c);
  }
  return result;
}
