import type { BufferId, PlacedBuffer, Slab, View } from '../../plan/buffers.ts';
import type { LayerRecord } from '../../plan/record.ts';
import type { Program } from '../../plan/target.ts';
import { ArgumentError } from '../../tensor/argument.ts';
import { assertNever } from '../../tensor/assert-never.ts';
import { MOST_SEGMENTS, MOST_WORKGROUPS, RECORD_WORDS, WORKGROUP_SIZE } from './constants.ts';
import {
  entriesOf,
  type Fields,
  type GpuRecord,
  gpuRecords,
  isPlace,
  type Place,
  type RecordKind,
  specOf,
} from './records.ts';

/** A GPU buffer: a part of a slab. */
export interface Segment {
  readonly slab: Slab;
  readonly part: number;
}

/** Everything that the text of a shader depends on. */
export interface ShaderVariant {
  readonly kind: RecordKind;
  readonly flags: Readonly<Record<string, boolean>>;
  /** The segment of each place, as an index of `Dispatch.segments`; undefined: absent. */
  readonly slots: Readonly<Record<string, number | undefined>>;
  /** Maps that are stored as bfloat16. */
  readonly halves: readonly string[];
  /** Whether maps are read and written four channels at a time; otherwise one element at a time. */
  readonly quads: boolean;
}

/** One call of a kernel. A record is one or, if its list spans more buffers than a kernel can bind, several. */
export interface Dispatch {
  /** Index of the record in its plan. */
  readonly record: number;
  readonly variant: ShaderVariant;
  readonly segments: readonly Segment[];
  /** Workgroups in x, y and z. */
  readonly workgroups: readonly [number, number, number];
  /** RECORD_WORDS words. */
  readonly words: Uint32Array;
}

/** The dispatches of a list of records, and the words of their lists. */
export interface Dispatches {
  readonly dispatches: readonly Dispatch[];
  readonly lists: Uint32Array;
}

/** A program of this target. */
export interface GpuProgram extends Program, Dispatches {}

/** The program of a plan that was made for this target. */
export function gpuProgram(program: Program): GpuProgram {
  return program as GpuProgram;
}

/** Words in front of a record's fields: its index. Behind them: the list's first word and number of entries. */
export const RECORD_HEADER = ['number'] as const;
export const LIST_FIELDS = ['list', 'entries'] as const;

export function dispatchesOf(buffers: readonly PlacedBuffer[], records: readonly LayerRecord[]): Dispatches {
  const placed = new Map<BufferId, PlacedBuffer>(buffers.map((buffer) => [buffer.id, buffer]));
  const lists: number[] = [];
  const dispatches = gpuRecords(records).flatMap(({ record }, index) =>
    listsOf(record, placed).map((part) => dispatchOf(part, index, placed, lists)),
  );
  return { dispatches, lists: Uint32Array.from(lists) };
}

type Values = Readonly<Record<string, unknown>>;

/** The record with each group of entries whose fields are in the same segments. */
function listsOf(record: GpuRecord, placed: ReadonlyMap<BufferId, PlacedBuffer>): readonly GpuRecord[] {
  if (!('entries' in record)) return [record];
  const groups = new Map<string, { entries: Values[]; total: number }>();
  const all = entriesOf(record);
  for (const [i, entry] of all.entries()) {
    const key = Object.values(entry)
      .map((value) => (isObject(value) ? segmentKey(value as Place, placed) : ''))
      .join();
    const group = groups.get(key) ?? { entries: [], total: 0 };
    const count = ((all[i + 1]?.first as number | undefined) ?? record.total) - (entry.first as number);
    group.entries.push({ ...entry, first: group.total });
    group.total += count;
    groups.set(key, group);
  }
  return [...groups.values()].map((group) => ({ ...record, ...group }) as unknown as GpuRecord);
}

function dispatchOf(
  record: GpuRecord,
  index: number,
  placed: ReadonlyMap<BufferId, PlacedBuffer>,
  lists: number[],
): Dispatch {
  const { fields, entry } = specOf(record.kind);
  const segments: Segment[] = [];
  const slots: Record<string, number | undefined> = {};
  const flags: Record<string, boolean> = {};
  const halves: string[] = [];
  const float = new DataView(new ArrayBuffer(4));
  const words: number[] = [index];

  const put = (to: number[], spec: Fields, values: Values) => {
    for (const [name, type] of Object.entries(spec)) {
      const value = values[name];
      if (type === 'flag') flags[name] = value as boolean;
      else if (type === 'u32') to.push(value as number);
      else if (type === 'f32') {
        float.setFloat32(0, value as number);
        to.push(float.getUint32(0));
      } else {
        const place = value as Place;
        const bytes = 'elementBytes' in place ? place.elementBytes : 4;
        to.push(firstElement(place, bytes, placed));
        if ('stride' in place) to.push(place.stride);
        if (bytes === 2 && !halves.includes(name)) halves.push(name);
        slots[name] = slotOf(place, placed, segments);
      }
    }
  };
  put(words, fields, record as unknown as Values);
  if (entry) {
    const entries = entriesOf(record);
    words.push(lists.length, entries.length);
    for (const each of entries) put(lists, entry, each);
  }
  const name = record.kind;
  const most = entry ? MOST_SEGMENTS - 1 : MOST_SEGMENTS;
  if (segments.length > most) {
    throw new ArgumentError(`${name} spans ${segments.length} buffers, a kernel can bind ${most}`);
  }
  const padded = new Uint32Array(RECORD_WORDS);
  padded.set(words);
  const variant = { kind: name, flags, slots, halves, quads: readsQuads(record) };
  return { record: index, variant, segments, workgroups: workgroupsOf(record), words: padded };
}

function firstElement(
  { address, offset }: Place,
  bytes: number,
  placed: ReadonlyMap<BufferId, PlacedBuffer>,
): number {
  return address === undefined ? 0 : placed.get(address)!.offset / bytes + offset;
}

function slotOf(
  { address }: Place,
  placed: ReadonlyMap<BufferId, PlacedBuffer>,
  segments: Segment[],
): number | undefined {
  if (address === undefined) return undefined;
  const { slab, part } = placed.get(address)!;
  const known = segments.findIndex((each) => each.slab === slab && each.part === part);
  return known >= 0 ? known : segments.push({ slab, part }) - 1;
}

function segmentKey({ address }: Place, placed: ReadonlyMap<BufferId, PlacedBuffer>): string {
  if (address === undefined) return '-';
  const { slab, part } = placed.get(address)!;
  return `${slab} ${part}`;
}

/** The map that a kernel writes, and its channels. */
const WRITTEN: Readonly<Partial<Record<RecordKind, readonly [map: string | undefined, channels: string]>>> = {
  conv2d: ['y', 'outChannels'],
  conv2dGradInput: ['gradient', 'inChannels'],
  conv2dGradWeight: [undefined, 'outChannels'],
  elementwise: ['y', 'channels'],
  dropout: ['y', 'channels'],
  pool: ['y', 'channels'],
  mapGradInput: ['gradient', 'channels'],
  statistics: [undefined, 'channels'],
};

/**
 * True if all maps and vectors begin at whole quads of numbers, and nothing else is stored in the last quad of each
 * pixel that the kernel writes.
 */
function readsQuads(record: GpuRecord): boolean {
  const written = WRITTEN[record.kind];
  if (!written) return false;
  const values = record as unknown as Values;
  for (const [name, type] of Object.entries(specOf(record.kind).fields)) {
    if (!isPlace(type)) continue;
    const place = values[name] as Place;
    if (place.address === undefined) continue;
    if (type === 'Index' || place.offset % 4 !== 0 || ('stride' in place && place.stride % 4 !== 0))
      return false;
  }
  const [map, channels] = written;
  const count = values[channels] as number;
  if (map === undefined || count % 4 === 0) return true;
  const { offset, stride } = values[map] as View;
  return (offset % stride) + Math.ceil(count / 4) * 4 === stride;
}

function workgroupsOf(record: GpuRecord): readonly [number, number, number] {
  switch (record.kind) {
    case 'conv2d':
    case 'conv2dGradInput':
    case 'conv2dGradWeight':
    case 'elementwise':
    case 'dropout':
    case 'pool':
    case 'mapGradInput':
    case 'statistics':
      return [...inTwoDimensions(record.tiles), record.panels];
    case 'finalizeStatistics':
      return [record.scale.address === undefined ? record.channels : record.allChannels, 1, 1];
    case 'finalizeGradSums':
      return [record.channels, 1, 1];
    case 'finalizeCorrection':
      return [Math.ceil(record.channels / WORKGROUP_SIZE), 1, 1];
    case 'crossEntropy':
    case 'clipScale':
      return [1, 1, 1];
    case 'sumSquares':
      return [...inTwoDimensions(record.total), 1];
    case 'packWeights':
    case 'reduceGradWeight':
    case 'flatten':
    case 'flattenGradInput':
    case 'updateRunningStatistics':
    case 'sgd':
    case 'adamw':
    case 'movingAverage':
      return [...inTwoDimensions(Math.ceil(record.total / WORKGROUP_SIZE)), 1];
    default:
      return assertNever(record);
  }
}

/** Kernels combine both into one index (`linear` in kernels/webgpu/prelude.wgsl). */
export function inTwoDimensions(workgroups: number): readonly [number, number] {
  const rows = Math.ceil(workgroups / MOST_WORKGROUPS);
  return [Math.ceil(workgroups / rows), rows];
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
