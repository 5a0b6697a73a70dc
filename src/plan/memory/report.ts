import type { Layer } from '../../graph/layer.ts';
import type { Phase } from '../../graph/op.ts';
import { BUFFER_ROLES, type BufferRole, bufferName } from '../buffers.ts';
import { type Plan, type PlanBuffer, plannedPeakBytes } from '../plan.ts';
import { describePurpose } from './describe.ts';
import { peakRecord } from './timeline.ts';

/** A buffer of a plan for reports. */
export interface BufferReport extends PlanBuffer {
  readonly name: string;
  readonly reason: string;
  /** A feature map that the backward pass recomputes. */
  readonly isComputedAgain: boolean;
  /** The layers of the records that use it first and last. */
  readonly bornAt: Layer;
  readonly diesAt: Layer;
  /** True if the buffer is live at the memory peak. */
  readonly isAtPeak: boolean;
}

/** All buffers of one role. */
export interface RoleReport {
  readonly role: BufferRole;
  readonly buffers: number;
  /** Total size of all of them, whenever they are live. */
  readonly bytes: number;
  /** Total size of those live at the peak. */
  readonly bytesAtPeak: number;
}

/** Breakdown of a program's planned memory. */
export interface MemoryReport {
  readonly plannedPeakBytes: number;
  readonly persistentBytes: number;
  readonly transientBytes: number;
  /** Scratch of one thread in bytes. */
  readonly scratchBytes: number;
  readonly threads: number;
  readonly records: number;
  readonly backwardFrom: number;
  readonly updateFrom: number;
  /** The record at the memory peak of the arena. */
  readonly peak: { readonly record: number; readonly layer: Layer; readonly bytes: number };
  readonly buffers: readonly BufferReport[];
  readonly roles: readonly RoleReport[];
  /** Bytes of the two slabs at the peak that no buffer uses: gaps in the arena and padding to cache lines. */
  readonly unusedBytes: number;
}

/** @param threads number of threads, each with its own scratch. */
export function memoryReport(plan: Plan, threads: number): MemoryReport {
  const { records, persistentBytes, transientBytes, scratchBytes } = plan;
  const firstOf = (phase: Phase, otherwise: number) => {
    const at = records.findIndex(({ op }) => op.phase === phase);
    return at < 0 ? otherwise : at;
  };
  const updateFrom = firstOf('update', records.length);
  const backwardFrom = firstOf('backward', updateFrom);
  const peak = peakRecord(plan);
  const layerAt = (record: number) => records[Math.min(record, records.length - 1)]!.op.layer;
  const buffers = plan.buffers.map((buffer): BufferReport => {
    const { first, last } = buffer.interval;
    const { role, content } = buffer;
    const isComputedAgain =
      role === 'featureMap' && content.kind === 'result' && content.op.isRecomputed === true;
    return {
      name: bufferName(content),
      ...buffer,
      reason: describePurpose(buffer, isComputedAgain),
      isComputedAgain,
      bornAt: layerAt(first),
      diesAt: layerAt(last),
      isAtPeak: first <= peak && peak <= last,
    };
  });
  const total = (some: readonly PlanBuffer[]) => some.reduce((sum, { bytes }) => sum + bytes, 0);
  const atPeak = buffers.filter(({ isAtPeak }) => isAtPeak);
  const roles = BUFFER_ROLES.flatMap((role): RoleReport[] => {
    const ofRole = buffers.filter((buffer) => buffer.role === role);
    if (ofRole.length === 0) return [];
    const bytesAtPeak = total(ofRole.filter(({ isAtPeak }) => isAtPeak));
    return [{ role, buffers: ofRole.length, bytes: total(ofRole), bytesAtPeak }];
  });
  return {
    plannedPeakBytes: plannedPeakBytes([plan], threads),
    persistentBytes,
    transientBytes,
    scratchBytes,
    threads,
    records: records.length,
    backwardFrom,
    updateFrom,
    peak: {
      record: peak,
      layer: layerAt(peak),
      bytes: total(atPeak.filter(({ slab }) => slab === 'transient')),
    },
    buffers,
    roles,
    unusedBytes: persistentBytes + transientBytes - total(atPeak),
  };
}

/** The phase of a step that a record belongs to; a buffer that is live to the end outlives the last record. */
export function phaseOf({ backwardFrom, updateFrom }: MemoryReport, record: number): Phase {
  if (record >= updateFrom) return 'update';
  return record >= backwardFrom ? 'backward' : 'forward';
}
