import type { BufferId, Vector, View } from '../../plan/buffers.ts';
import type { LayerRecord } from '../../plan/record.ts';

export type { BufferId, Size, Vector, View } from '../../plan/buffers.ts';

import { batchNorm } from './records/batch-norm.ts';
import { convolution } from './records/convolution.ts';
import type { Fields, FieldType, KernelSpec } from './records/groups.ts';
import { head } from './records/head.ts';
import { maps } from './records/maps.ts';
import { update } from './records/update.ts';

export type { Fields, FieldType };

/** All records: the only source of their layout. */
export const kernels = {
  ...convolution,
  ...maps,
  ...batchNorm,
  ...head,
  ...update,
} as const satisfies Readonly<Record<string, KernelSpec>>;

export type RecordKind = keyof typeof kernels;
export const recordKinds = Object.keys(kernels) as readonly RecordKind[];

type FieldValue<T> = T extends 'Map'
  ? View
  : T extends 'Vector' | 'Index'
    ? Vector
    : T extends 'flag'
      ? boolean
      : number;
type Values<F> = { readonly [Name in keyof F]: FieldValue<F[Name]> };
type EntryOf<K extends RecordKind> = (typeof kernels)[K] extends { readonly entry: infer E } ? E : never;
export type Entry<K extends RecordKind> = Values<EntryOf<K>>;
export type RecordOf<K extends RecordKind> = { readonly kind: K } & Values<(typeof kernels)[K]['fields']> &
  ((typeof kernels)[K] extends { readonly entry: unknown }
    ? { readonly entries: readonly Entry<K>[] }
    : unknown);
/** A record with its fields by name. */
export type GpuRecord = { [K in RecordKind]: RecordOf<K> }[RecordKind];

/** The records of a plan that was made for this target. */
export function gpuRecords(records: readonly LayerRecord[]): readonly LayerRecord<GpuRecord>[] {
  return records as readonly LayerRecord<GpuRecord>[];
}

/** A place in a buffer: the value of a `Map`, `Vector` or `Index` field. */
export type Place = View | Vector;

export function isPlace(type: FieldType): type is 'Map' | 'Vector' | 'Index' {
  return type === 'Map' || type === 'Vector' || type === 'Index';
}

export function specOf(kind: RecordKind): KernelSpec {
  return kernels[kind];
}

/** Entries of a record's list; empty for kernels without one. */
export function entriesOf(record: GpuRecord): readonly Readonly<Record<string, unknown>>[] {
  return 'entries' in record ? (record.entries as readonly Readonly<Record<string, unknown>>[]) : [];
}

/** Visits every place of a record and of its list's entries. */
export function visitPlaces(record: GpuRecord, visit: (name: string, place: Place) => void): void {
  const { fields, entry = {} } = specOf(record.kind);
  const walk = (spec: Fields, values: Readonly<Record<string, unknown>>) => {
    for (const [name, type] of Object.entries(spec)) if (isPlace(type)) visit(name, values[name] as Place);
  };
  walk(fields, record as unknown as Readonly<Record<string, unknown>>);
  for (const each of entriesOf(record)) walk(entry, each);
}

/** The buffers that a record reads or writes. */
export function buffersOf(record: GpuRecord): readonly BufferId[] {
  const buffers: BufferId[] = [];
  visitPlaces(record, (_, { address }) => {
    if (address !== undefined) buffers.push(address);
  });
  return buffers;
}
