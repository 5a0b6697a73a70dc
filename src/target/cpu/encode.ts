import type { PlacedBuffer } from '../../plan/buffers.ts';
import type { LayerRecord } from '../../plan/record.ts';
import type { Collective, Program } from '../../plan/target.ts';
import { ALIGNMENT_BYTES, NO_ADDRESS, RECORD_HEADER, SLAB_BITS, SLABS } from './constants.ts';
import { type BufferId, kernelRecords, recordKinds, visitFields } from './records.ts';

/** Address range of a slab, 64 GiB: the largest slab of any engine. */
export const MAX_SLAB_BYTES = 2 ** SLAB_BITS * ALIGNMENT_BYTES;

/**
 * Encodes records as words: a header (RECORD_HEADER), then the fields. An address consists of the slab's number and,
 * in its low SLAB_BITS, the offset in units of ALIGNMENT_BYTES.
 */
export function encode(buffers: readonly PlacedBuffer[], records: readonly LayerRecord[]): Program {
  const addresses = new Map<BufferId, number>();
  for (const { id, slab, offset } of buffers) {
    addresses.set(id, SLABS.indexOf(slab) * 2 ** SLAB_BITS + offset / ALIGNMENT_BYTES);
  }
  const words: number[] = [];
  const collectives: Collective[] = [];
  const float = new DataView(new ArrayBuffer(4));
  for (const [index, { record }] of kernelRecords(records).entries()) {
    const fields: number[] = [];
    visitFields(record, (type, value) => {
      if (type === 'address') {
        fields.push(value === undefined ? NO_ADDRESS : addresses.get(value as BufferId)!);
      } else if (type === 'f32') {
        float.setFloat32(0, value!);
        fields.push(float.getUint32(0));
      } else fields.push(value!);
    });
    const header = {
      opCode: recordKinds.indexOf(record.kind),
      chunks: 'chunks' in record ? record.chunks : 1,
      words: fields.length,
    };
    words.push(...RECORD_HEADER.map((name) => header[name]), ...fields);
    if (record.kind === 'gather' || record.kind === 'treeSum') {
      const [from, to] = record.kind === 'gather' ? [record.from!, record.to!] : [record.sums!, record.sums!];
      const { kind, floats } = record;
      collectives.push({ kind, record: index, nextWord: words.length, from, to, floats });
    }
  }
  return { words: Uint32Array.from(words), recordCount: records.length, collectives };
}
