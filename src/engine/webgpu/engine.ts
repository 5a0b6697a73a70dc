import type { Group } from '../../distributed/group.ts';
import { NO_GROUP } from '../../distributed/none.ts';
import type { CompiledNetwork } from '../../plan/compiled-network.ts';
import type { Target } from '../../plan/target.ts';
import { webgpuTarget } from '../../target/webgpu/target.ts';
import { type Engine, EngineError, type MachinePeak, type Session } from '../engine.ts';
import { requireNetwork } from '../ranks.ts';
import type { GpuDevice } from './device.ts';
import { measureGpuPeak } from './peak.ts';
import { Pipelines } from './pipelines.ts';
import { WebgpuSession } from './session.ts';

export interface WebgpuEngineOptions {
  readonly device: GpuDevice;
  /** Called while kernels are compiled, which may take seconds, with the number compiled and the total. */
  readonly onProgress?: (done: number, total: number) => void;
  /** A clock in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
}

/** The engine for GPUs: WebGPU, in a page or in Node. */
export function createWebgpuEngine(options: WebgpuEngineOptions): Engine {
  return new WebgpuEngine(options);
}

class WebgpuEngine implements Engine {
  readonly name = 'webgpu';
  readonly isa: string;
  readonly threads = 1;
  readonly target: Target;
  /** Devices do not report their memory; allocation fails if it is too small. */
  readonly maxTotalBytes = Number.MAX_SAFE_INTEGER;
  readonly #options: WebgpuEngineOptions;
  readonly #pipelines: Pipelines;
  readonly #sessions = new Set<Session>();

  constructor(options: WebgpuEngineOptions) {
    const { device } = options;
    this.#options = options;
    this.isa = device.name;
    this.target = webgpuTarget({ maxBufferBytes: device.maxBufferBytes });
    this.#pipelines = new Pipelines(device.device);
  }

  async open(network: CompiledNetwork, group: Group = NO_GROUP): Promise<Session> {
    requireNetwork(network, group);
    for (const [program, { plan }] of network.programs) {
      if (plan.target === this.target) continue;
      throw new EngineError(
        `program ${program} was compiled for ${plan.target.name}, not for this engine: compile it with the engine's target`,
      );
    }
    const { device, onProgress, now = () => performance.now() } = this.#options;
    const failure = device.failure();
    if (failure) throw failure;
    const progress = onProgress && { onProgress };
    const onClose = (session: Session) => void this.#sessions.delete(session);
    const session = await WebgpuSession.open(network, device, this.#pipelines, { ...progress, now, onClose });
    this.#sessions.add(session);
    return session;
  }

  measurePeak(): Promise<MachinePeak> {
    const { device, now = () => performance.now() } = this.#options;
    return measureGpuPeak(device, now);
  }

  async close(): Promise<void> {
    for (const session of [...this.#sessions]) await session.close();
    this.#options.device.close();
  }
}
