/// <reference types="@webgpu/types" />
import type { Plan } from '../../plan/plan.ts';
import { RECORD_WORDS } from '../../target/webgpu/constants.ts';
import type { Dispatch, Dispatches } from '../../target/webgpu/dispatch.ts';
import { specOf } from '../../target/webgpu/records.ts';
import type { Memory } from './memory.ts';
import type { Pipelines } from './pipelines.ts';

/** One program, or the records that prepare it, on the GPU. */
export interface Code {
  readonly dispatches: readonly Dispatch[];
  readonly pipelines: readonly GPUComputePipeline[];
  readonly groups: readonly GPUBindGroup[];
  /** Estimated seconds of each dispatch on a typical GPU. */
  readonly seconds: readonly number[];
}

export interface ProgramCode {
  readonly main: Code;
  readonly prepare: Code;
  /** Number of the slab with the prepared buffers. */
  readonly prepared: number;
}

/** Compiles the dispatches of a program, and writes their records and lists to buffers of their own. */
export async function makeCode(
  device: GPUDevice,
  pipelines: Pipelines,
  memory: Memory,
  program: string,
  { dispatches, lists }: Dispatches,
  { target, records }: { readonly target: Plan['target']; readonly records: Plan['records'] },
): Promise<Code> {
  const words = Uint32Array.from(dispatches.flatMap((each) => [...each.words]));
  const uniform = memory.create(`records of ${program}`, words.byteLength, GPUBufferUsage.UNIFORM, words);
  const list = memory.create(`lists of ${program}`, lists.byteLength, GPUBufferUsage.STORAGE, lists);
  const groups = new Map<string, GPUBindGroup>();
  const groupOf = (dispatch: Dispatch) => {
    const { segments, variant } = dispatch;
    const ofList = specOf(variant.kind).entry && list;
    const key = `${ofList !== undefined} ${segments.map(({ slab, part }) => `${slab} ${part}`).join()}`;
    const layout = pipelines.layout(dispatch);
    const buffers = segments.map((segment) => memory.locate(program, segment));
    const group = groups.get(key) ?? bindGroup(device, layout, buffers, memory.control, uniform, ofList);
    groups.set(key, group);
    return group;
  };
  return {
    dispatches,
    pipelines: await pipelines.compile(dispatches),
    groups: dispatches.map(groupOf),
    seconds: dispatches.map(({ record }) => target.secondsOf(records[record]!.record)),
  };
}

/** What is encoded in front of dispatches, in the same pass, and behind them. */
export interface Surroundings {
  readonly before?: (pass: GPUComputePassEncoder) => void;
  readonly after?: (encoder: GPUCommandEncoder) => void;
}

/** Encodes dispatches [first, last) as one pass. */
export function encode(
  device: GPUDevice,
  code: Code,
  first: number,
  last: number,
  { before, after }: Surroundings = {},
): GPUCommandBuffer {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  before?.(pass);
  for (let i = first; i < last; i++) encodeDispatch(pass, code, i);
  pass.end();
  after?.(encoder);
  return encoder.finish();
}

export function encodeDispatch(pass: GPUComputePassEncoder, code: Code, i: number): void {
  pass.setPipeline(code.pipelines[i]!);
  pass.setBindGroup(0, code.groups[i]!, [4 * RECORD_WORDS * i]);
  pass.dispatchWorkgroups(...code.dispatches[i]!.workgroups);
}

function bindGroup(
  device: GPUDevice,
  layout: GPUBindGroupLayout,
  segments: readonly GPUBuffer[],
  control: GPUBuffer,
  uniform: GPUBuffer,
  list: GPUBuffer | undefined,
): GPUBindGroup {
  return device.createBindGroup({
    layout,
    entries: [
      { binding: 0, resource: { buffer: uniform, size: 4 * RECORD_WORDS } },
      { binding: 1, resource: { buffer: control } },
      ...(list ? [{ binding: 2, resource: { buffer: list } }] : []),
      ...segments.map((buffer, i) => ({ binding: 3 + i, resource: { buffer } })),
    ],
  });
}
