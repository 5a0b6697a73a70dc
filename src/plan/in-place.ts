import { producers } from '../graph/build.ts';
import {
  type Add,
  type ElementwiseGradInput,
  type Graph,
  type Op,
  opInputs,
  type ValueId,
} from '../graph/op.ts';

/** Residual sums and gradient copies that need no copying. */
export interface InPlace {
  /** The operand that a sum may overwrite: the other operand is added to it. */
  readonly sums: ReadonlyMap<Add, ValueId>;
  /** Copies of a gradient (to the branches of a sum) that may share its storage. */
  readonly copies: ReadonlySet<Op>;
}

/** @param graph its ops in execution order. */
export function inPlace(graph: Graph): InPlace {
  const readers = readersOf(graph);
  return { sums: overwritableOperands(graph, readers), copies: sharedCopies(graph, readers) };
}

/** A read of a value: by an op, or after all ops. */
interface Read {
  readonly at: number;
  readonly op: Op | undefined;
}

type Readers = ReadonlyMap<ValueId, readonly Read[]>;

function readersOf(graph: Graph): Readers {
  const readers = new Map<ValueId, Read[]>();
  const read = (id: ValueId, at: number, op?: Op) => {
    readers.set(id, [...(readers.get(id) ?? []), { at, op }]);
  };
  graph.ops.forEach((op, at) => {
    for (const id of opInputs(op)) read(id, at, op);
  });
  for (const id of [...graph.outputs.values(), ...graph.updates.values()]) read(id, Number.POSITIVE_INFINITY);
  return readers;
}

/**
 * For each sum, the first operand whose elements no other op reads. A concatenation is excluded: its operands are
 * stored in it and are read later.
 */
function overwritableOperands(graph: Graph, readers: Readers): ReadonlyMap<Add, ValueId> {
  const producer = producers(graph);
  const sums = new Map<Add, ValueId>();
  for (const op of graph.ops) {
    if (op.kind !== 'add' || op.a === op.b) continue;
    const isFree = (id: ValueId) =>
      producer.has(id) &&
      producer.get(id)!.kind !== 'concat' &&
      readers.get(id)!.every(({ op: reader }) => reader === op || (reader && readsOnlyShape(reader, id)));
    const operand = [op.a, op.b].find(isFree);
    if (operand !== undefined) sums.set(op, operand);
  }
  return sums;
}

/** True for the gradient of a sum's operand: it uses only the operand's shape. */
function readsOnlyShape(op: Op, id: ValueId): boolean {
  return op.kind === 'elementwiseGradInput' && !op.prologue && op.x === id && op.gradOutput.value !== id;
}

/**
 * A copy may share storage with its source and with other copies of it, unless one of them is accumulated into while
 * another is still to be read. A value that is cut into slices is excluded: its slices are accumulated into
 * separately.
 */
function sharedCopies(graph: Graph, readers: Readers): ReadonlySet<Op> {
  const producer = producers(graph);
  const addedToAt = new Map<ValueId, number>();
  graph.ops.forEach((op, at) => {
    for (const id of op.accumulate ?? []) if (id !== undefined) addedToAt.set(id, at);
  });
  const shared = new Set<Op>();
  const groups = new Map<ValueId, ValueId[]>();
  const endsBefore = (member: ValueId, at: number) =>
    readers.get(member)!.every((read) => read.at < at || (read.op && shared.has(read.op)));
  for (const op of graph.ops) {
    if (!isCopy(op) || !producer.has(op.gradOutput.value)) continue;
    const group = groups.get(op.gradOutput.value) ?? [op.gradOutput.value];
    const members = [...group, op.outputs[0]!];
    shared.add(op);
    const works = members.every((member) => {
      const isCut = readers.get(member)?.some((read) => read.op?.kind === 'slice');
      const at = addedToAt.get(member);
      const others = members.filter((other) => other !== member);
      return !isCut && (at === undefined || others.every((other) => endsBefore(other, at)));
    });
    if (works) for (const member of members) groups.set(member, members);
    else shared.delete(op);
  }
  return shared;
}

function isCopy(op: Op): op is ElementwiseGradInput {
  return (
    op.kind === 'elementwiseGradInput' &&
    !op.prologue &&
    !op.gradOutput.correction &&
    op.accumulate?.[0] === undefined
  );
}
