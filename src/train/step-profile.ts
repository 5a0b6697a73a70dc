import type { Session } from '../engine/engine.ts';
import { partName, partOf } from '../graph/layer.ts';
import type { CompiledNetwork } from '../plan/compiled-network.ts';
import type { EventOf } from './events.ts';
import { texts } from './insight.ts';

/** Time and least work of the kernel calls of one kind in one part of the network. */
interface Row {
  readonly part: number;
  readonly op: number;
  calls: number;
  ms: number;
  flops: number;
  bytes: number;
}

/** Measures the kernel calls of a training step, which computes what it would compute otherwise. */
export class StepProfile {
  readonly #network: CompiledNetwork;
  readonly #rows = new Map<string, Row>();
  readonly #parts = texts();
  readonly #ops = texts();
  /** Runs programs as the session that it was made of, and adds up their times. */
  readonly session: Pick<Session, 'run' | 'read' | 'write'>;

  /** @param session one with `profile`. */
  constructor(session: Session, network: CompiledNetwork) {
    this.#network = network;
    this.session = {
      read: (name) => session.read(name),
      write: (name, numbers) => session.write(name, numbers),
      run: async (program, inputs, scalars) => {
        const { outputs, durations } = await session.profile!(program, inputs, scalars);
        this.#add(program, durations);
        return outputs;
      },
    };
  }

  /** @param stepMs of the whole step. */
  event(globalStep: number, stepMs: number): EventOf<'profile'> {
    const rows = [...this.#rows.values()].flatMap(({ part, op, calls, ms, flops, bytes }) => [
      ...[part, op, calls, Number(ms.toPrecision(6)), flops, bytes],
    ]);
    return { kind: 'profile', globalStep, stepMs, parts: this.#parts.all, ops: this.#ops.all, rows };
  }

  /** A step in micro-batches runs several programs. */
  #add(program: string, durations: ArrayLike<number>): void {
    const { plan } = this.#network.programs.get(program)!;
    for (const [i, { op, record }] of plan.records.entries()) {
      const { flops, bytes } = plan.target.costOf(record);
      const [part, kind] = [this.#parts.indexOf(partName(partOf(op.layer))), this.#ops.indexOf(record.kind)];
      const key = `${part} ${kind}`;
      const row = this.#rows.get(key) ?? { part, op: kind, calls: 0, ms: 0, flops: 0, bytes: 0 };
      row.calls++;
      row.ms += durations[i]!;
      row.flops += flops;
      row.bytes += bytes;
      this.#rows.set(key, row);
    }
  }
}
