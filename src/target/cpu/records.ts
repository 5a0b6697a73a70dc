import type { BufferId } from '../../plan/buffers.ts';
import type { LayerRecord } from '../../plan/record.ts';
import { algorithms } from './records/algorithms.ts';
import { batchNorm } from './records/batch-norm.ts';
import { collective } from './records/collective.ts';
import { convolution } from './records/convolution.ts';
import { elementwise } from './records/elementwise.ts';
import { groups } from './records/groups.ts';
import { head } from './records/head.ts';
import { pooling } from './records/pooling.ts';
import { update } from './records/update.ts';

/**
 * The records that programs consist of: the only source of op codes and record layouts. `tools/generate-header.ts`
 * writes the C++ header from it. A record is its op code, its length in words, then its fields in this order, one
 * 32-bit word each; a field with a group's name is replaced by the fields of the group; `Group[]`, which comes last,
 * is replaced by the number of groups, followed by the groups.
 */
export const records = {
  ...convolution,
  ...elementwise,
  ...pooling,
  ...batchNorm,
  ...head,
  ...update,
  ...collective,
} as const;

export { algorithms, groups };

export type RecordKind = keyof typeof records;
export type GroupName = keyof typeof groups;
type AlgorithmName = keyof typeof algorithms;
export type GradWeightAlgorithm = (typeof algorithms)['GradWeightAlgorithm'][number];
type FieldType = 'address' | 'u32' | 'f32' | AlgorithmName | GroupName | `${GroupName}[]`;
type FieldValue<F> = F extends 'address'
  ? BufferId | undefined
  : F extends AlgorithmName
    ? (typeof algorithms)[F][number]
    : F extends GroupName
      ? Fields<(typeof groups)[F]>
      : F extends `${infer G extends GroupName}[]`
        ? readonly Fields<(typeof groups)[G]>[]
        : number;
type Fields<Spec> = { readonly [Name in keyof Spec]: FieldValue<Spec[Name]> };

/** A record with its fields by name. */
export type KernelRecord = {
  [Kind in RecordKind]: { readonly kind: Kind } & Fields<(typeof records)[Kind]>;
}[RecordKind];

export type { BufferId, Size, Vector, View } from '../../plan/buffers.ts';
export type WindowFields = Fields<(typeof groups)['Window']>;
export type PrologueFields = Fields<(typeof groups)['Prologue']>;
export type GradOutputFields = Fields<(typeof groups)['GradOutput']>;
export type DropoutFields = Fields<(typeof groups)['Dropout']>;
export type GradInputFields = Fields<(typeof groups)['GradInput']>;

/** Kinds in the order of their op codes, from 0. */
export const recordKinds = Object.keys(records) as readonly RecordKind[];

export type LeafType = 'address' | 'u32' | 'f32';

function isAlgorithm(type: string): type is AlgorithmName {
  return type in algorithms;
}

function isList(type: string): type is `${GroupName}[]` {
  return type.endsWith('[]');
}

/** Visits a record's words in order. */
export function visitFields(
  record: KernelRecord,
  visit: (type: LeafType, value: number | undefined) => void,
): void {
  const walk = (spec: Readonly<Record<string, FieldType>>, value: object): void => {
    for (const [name, type] of Object.entries(spec)) {
      const field = (value as Readonly<Record<string, unknown>>)[name];
      if (type === 'address' || type === 'u32' || type === 'f32') visit(type, field as number | undefined);
      else if (isAlgorithm(type)) visit('u32', (algorithms[type] as readonly unknown[]).indexOf(field));
      else if (isList(type)) {
        const list = field as readonly object[];
        visit('u32', list.length);
        for (const each of list) walk(groups[type.slice(0, -2) as GroupName], each);
      } else walk(groups[type], field as object);
    }
  };
  walk(records[record.kind], record);
}

/** The records of a plan that was made for this target. */
export function kernelRecords(records: readonly LayerRecord[]): readonly LayerRecord<KernelRecord>[] {
  return records as readonly LayerRecord<KernelRecord>[];
}
