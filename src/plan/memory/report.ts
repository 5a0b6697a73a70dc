import type { Layer } from '../../graph/layer.ts';
import type { Phase } from '../../graph/op.ts';
import { BUFFER_ROLES, type BufferRole, bufferName } from '../buffers.ts';
import { type Plan, type PlanBuffer, plannedPeakBytes } from '../plan.ts';
import { describePurpose } from './describe.ts';
import { peakRecord } from './timeline.ts';

/** A buffer of a plan as people read it. */
export interface BufferReport extends PlanBuffer {
  readonly name: string;
  readonly reason: string;
  /** A feature map that the backward pass makes anew. */
  readonly isComputedAgain: boolean;
  /** The layers at work when it is first and last used. */
  readonly bornAt: Layer;
  readonly diesAt: Layer;
  /** In use when the most bytes are. */
  readonly isAtPeak: boolean;
}

/** All buffers of one role. */
export interface RoleReport {
  readonly role: BufferRole;
  readonly buffers: number;
  /** Of all of them, whenever they live. */
  readonly bytes: number;
  /** Of those in use at the peak. */
  readonly bytesAtPeak: number;
}

/** Where the planned bytes of a program come from. */
export interface MemoryReport {
  readonly plannedPeakBytes: number;
  readonly persistentBytes: number;
  readonly transientBytes: number;
  /** Of one thread. */
  readonly scratchBytes: number;
  readonly threads: number;
  readonly records: number;
  readonly backwardFrom: number;
  readonly updateFrom: number;
  /** The record during which the most bytes of the arena are in use. */
  readonly peak: { readonly record: number; readonly layer: Layer; readonly bytes: number };
  readonly buffers: readonly BufferReport[];
  readonly roles: readonly RoleReport[];
  /** Of the two slabs at the peak, what no buffer uses: gaps of the arena, and what rounds to cache lines. */
  readonly unusedBytes: number;
}

/** @param threads that each have scratch of their own. */
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

/** The phase of a step that a record belongs to; what lives to the very end outlives its last record. */
export function phaseOf({ backwardFrom, updateFrom }: MemoryReport, record: number): Phase {
  if (record >= updateFrom) return 'update';
  return record >= backwardFrom ? 'backward' : 'forward';
}
