import type { ArenaPlace } from '../../src/plan/arena.ts';
import type { Slab } from '../../src/plan/buffers.ts';
import type { CompiledNetwork, CompiledProgram } from '../../src/plan/compiled-network.ts';
import type { PlanBuffer } from '../../src/plan/plan.ts';
import { ALIGNMENT_BYTES, SLACK_BYTES } from '../../src/target/cpu/constants.ts';
import { elementCount } from '../../src/tensor/shape.ts';

/** A range of a slab that no kernel may access. */
export interface Forbidden {
  readonly slab: Slab;
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Gap between buffers: larger than any row of the tests' networks, so that an overrun does not reach the next
 * buffer.
 */
const GAP_BYTES = 4096;

/**
 * The same network with separate memory for every buffer during the whole run, and forbidden bytes between its
 * slack and the next buffer, so that overruns are detected although all buffers share one allocation.
 */
export function spread(network: CompiledNetwork): {
  readonly network: CompiledNetwork;
  readonly forbidden: ReadonlyMap<string, readonly Forbidden[]>;
} {
  const { shapes } = network.layout;
  const state = inARow([...shapes].map(([id, shape]) => ({ id, bytes: elementCount(shape) * 4 })));
  const layout = { ...state, shapes };
  const nameAt = new Map([...network.layout.places].map(([name, { offset }]) => [offset, name]));
  const forbidden = new Map<string, readonly Forbidden[]>();
  const programs = new Map<string, CompiledProgram>();
  for (const [name, compiled] of network.programs) {
    const { plan } = compiled;
    const arena = inARow(plan.buffers.filter(({ slab }) => slab === 'transient'));
    const prepared = inARow(plan.buffers.filter(({ slab }) => slab === 'prepared'));
    const buffers = plan.buffers.map((buffer): PlanBuffer => {
      const { id, slab, offset } = buffer;
      const own = slab === 'prepared' ? prepared : arena;
      const moved = slab === 'persistent' ? state.places.get(nameAt.get(offset)!) : own.places.get(id);
      return { ...buffer, ...moved! };
    });
    const bytes = {
      persistentBytes: state.bytes,
      transientBytes: arena.bytes,
      preparedBytes: prepared.bytes,
    };
    const moved = { ...plan, buffers, ...bytes };
    const { encode } = plan.target;
    const encoded = {
      program: encode(moved.buffers, moved.records),
      prepare: encode(moved.buffers, moved.prepare),
    };
    programs.set(name, { ...compiled, plan: moved, ...encoded });
    forbidden.set(name, [
      ...state.gaps.map((gap) => ({ slab: 'persistent', ...gap }) as const),
      ...arena.gaps.map((gap) => ({ slab: 'transient', ...gap }) as const),
      ...prepared.gaps.map((gap) => ({ slab: 'prepared', ...gap }) as const),
    ]);
  }
  return { network: { ...network, layout, programs }, forbidden };
}

function inARow<Id>(requests: readonly { readonly id: Id; readonly bytes: number }[]) {
  const places = new Map<Id, ArenaPlace>();
  const gaps: { readonly offset: number; readonly bytes: number }[] = [];
  let next = 0;
  for (const { id, bytes } of requests) {
    places.set(id, { part: 0, offset: next });
    const end = next + bytes + SLACK_BYTES;
    next = Math.ceil((end + GAP_BYTES) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    gaps.push({ offset: end, bytes: next - end });
  }
  return { places, gaps, partBytes: [next], bytes: next };
}
