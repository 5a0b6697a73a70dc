/// <reference types="@webgpu/types" />
import { CONTROL_BYTES } from '../../target/webgpu/constants.ts';
import type { Dispatch, ShaderVariant } from '../../target/webgpu/dispatch.ts';
import { specOf } from '../../target/webgpu/records.ts';
import { EngineError } from '../engine.ts';
import { wgsl } from './kernels.generated.ts';
import { shaderOf } from './shader.ts';

/** Number of pipelines compiled concurrently; more would only queue in the driver. */
const AT_A_TIME = 8;

/** The pipelines of a device, compiled once for each variant of a kernel. */
export class Pipelines {
  readonly #device: GPUDevice;
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  readonly #expandBytes = new Map<boolean, Promise<GPUComputePipeline>>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  layout({ segments, variant }: Dispatch): GPUBindGroupLayout {
    const hasList = specOf(variant.kind).entry !== undefined;
    const key = `${segments.length} ${hasList}`;
    const layout = this.#layouts.get(key) ?? bindGroupLayout(this.#device, segments.length, hasList);
    this.#layouts.set(key, layout);
    return layout;
  }

  /**
   * The pipeline of each dispatch.
   * @param onProgress called with the number of compiled pipelines and the total.
   * @throws EngineError with the compiler's messages.
   */
  async compile(
    dispatches: readonly Dispatch[],
    onProgress?: (done: number, total: number) => void,
  ): Promise<readonly GPUComputePipeline[]> {
    const variants = new Map(dispatches.map((each) => [keyOf(each), each]));
    const missing = [...variants].filter(([key]) => !this.#pipelines.has(key));
    let done = 0;
    for (let i = 0; i < missing.length; i += AT_A_TIME) {
      const some = missing.slice(i, i + AT_A_TIME).map(async ([key, each]) => {
        const compiled = this.#compile(each);
        this.#pipelines.set(key, compiled);
        await compiled;
        onProgress?.(++done, missing.length);
      });
      await Promise.all(some);
    }
    return Promise.all(dispatches.map((each) => this.#pipelines.get(keyOf(each))!));
  }

  /** The pipeline of kernels/webgpu/expand_bytes.wgsl. */
  expandBytes(isHalf: boolean): Promise<GPUComputePipeline> {
    const known = this.#expandBytes.get(isHalf);
    if (known) return known;
    const code = `const HALF = ${isHalf};\n${wgsl.expand_bytes}`;
    const module = this.#device.createShaderModule({ code, label: 'expandBytes' });
    const compute = { module, entryPoint: 'main' };
    const pipeline = this.#device.createComputePipelineAsync({
      layout: 'auto',
      compute,
      label: 'expandBytes',
    });
    this.#expandBytes.set(isHalf, pipeline);
    return pipeline;
  }

  async #compile(dispatch: Dispatch): Promise<GPUComputePipeline> {
    const { variant } = dispatch;
    const code = shaderOf(variant);
    const module = this.#device.createShaderModule({ code, label: variant.kind });
    const { messages } = await module.getCompilationInfo();
    const errors = messages.filter(({ type }) => type === 'error');
    if (errors.length > 0) {
      const lines = code.split('\n');
      const text = errors
        .map(({ lineNum, message }) => `${message}: ${lines[lineNum - 1]?.trim()}`)
        .join('; ');
      throw new EngineError(`the GPU's compiler refused the kernel ${variant.kind}: ${text}`);
    }
    const layout = this.#device.createPipelineLayout({ bindGroupLayouts: [this.layout(dispatch)] });
    return this.#device.createComputePipelineAsync({
      layout,
      compute: { module, entryPoint: 'main' },
      label: variant.kind,
    });
  }
}

function bindGroupLayout(device: GPUDevice, segments: number, hasList: boolean): GPUBindGroupLayout {
  const { COMPUTE } = GPUShaderStage;
  return device.createBindGroupLayout({
    entries: [
      { binding: 0, visibility: COMPUTE, buffer: { type: 'uniform', hasDynamicOffset: true } },
      { binding: 1, visibility: COMPUTE, buffer: { type: 'storage', minBindingSize: CONTROL_BYTES } },
      ...(hasList
        ? [{ binding: 2, visibility: COMPUTE, buffer: { type: 'read-only-storage' as const } }]
        : []),
      ...Array.from({ length: segments }, (_, i) => ({
        binding: 3 + i,
        visibility: COMPUTE,
        buffer: { type: 'storage' as const },
      })),
    ],
  });
}

function keyOf({
  variant,
  segments,
}: {
  readonly variant: ShaderVariant;
  readonly segments: { readonly length: number };
}): string {
  const { kind, flags, slots, halves, quads } = variant;
  return JSON.stringify([
    kind,
    Object.values(flags),
    Object.values(slots).map((slot) => slot ?? -1),
    halves,
    quads,
    segments.length,
  ]);
}
