import { ALIGNMENT_BYTES } from './arena.ts';
import type { Plan } from './plan.ts';
import { type BufferId, recordKinds, visitFields } from './records.ts';

/** What an engine's kernels interpret: records of [op code, chunks, words, fields…]. */
export interface Program {
  readonly words: Uint32Array;
  readonly recordCount: number;
}

const NO_ADDRESS = 0xffff_ffff;
const SLAB_BITS = 30;
/** What 30 bits of cache lines reach, 64 GiB: an engine may have no larger slab. */
export const MAX_SLAB_BYTES = 2 ** SLAB_BITS * ALIGNMENT_BYTES;
const SLABS = { persistent: 0, transient: 1, prepared: 2 } as const;

/** Encodes a plan. Addresses become slab (2 bits) and offset in units of 64 bytes (30 bits). */
export function encode(plan: Plan): Program {
  return encodeRecords(plan.records, plan.buffers);
}

/** What comes before the runs of a plan whose state has changed. */
export function encodePrepare(plan: Plan): Program {
  return encodeRecords(plan.prepare, plan.buffers);
}

function encodeRecords(records: Plan['records'], buffers: Plan['buffers']): Program {
  const addresses = new Map<BufferId, number>();
  for (const { id, slab, offset } of buffers) {
    addresses.set(id, SLABS[slab] * 2 ** SLAB_BITS + offset / ALIGNMENT_BYTES);
  }
  const words: number[] = [];
  const float = new DataView(new ArrayBuffer(4));
  for (const { record } of records) {
    const fields: number[] = [];
    visitFields(record, (type, value) => {
      if (type === 'address') {
        fields.push(value === undefined ? NO_ADDRESS : addresses.get(value as BufferId)!);
      } else if (type === 'f32') {
        float.setFloat32(0, value!);
        fields.push(float.getUint32(0));
      } else fields.push(value!);
    });
    const chunks = 'chunks' in record ? record.chunks : 1;
    words.push(recordKinds.indexOf(record.kind), chunks, fields.length, ...fields);
  }
  return { words: Uint32Array.from(words), recordCount: records.length };
}
