import { producers } from '../graph/build.ts';
import {
  type Add,
  type ElementwiseGradInput,
  type Graph,
  type Op,
  opInputs,
  type ValueId,
} from '../graph/op.ts';

/** What residual connections need not move. */
export interface InPlace {
  /** The operand of a sum that the sum may overwrite: the other one is added to it. */
  readonly sums: ReadonlyMap<Add, ValueId>;
  /** Copies of a gradient (to the branches of a sum) that may stand where the gradient stands. */
  readonly copies: ReadonlySet<Op>;
}

/** @param graph its ops in the order of the run. */
export function inPlace(graph: Graph): InPlace {
  const readers = readersOf(graph);
  return { sums: overwritableOperands(graph, readers), copies: sharedCopies(graph, readers) };
}

/** A read of a value: by an op, or after all of them. */
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
 * Of each sum the first operand that nobody reads the numbers of but the sum. A concatenation is none: its operands
 * live in it, and are read after it.
 */
function overwritableOperands(graph: Graph, readers: Readers): ReadonlyMap<Add, ValueId> {
  const producer = producers(graph);
  const sums = new Map<Add, ValueId>();
  for (const op of graph.ops) {
    if (op.kind !== 'add' || op.a === op.b) continue;
    const isFree = (id: ValueId) =>
      producer.has(id) &&
      producer.get(id)!.kind !== 'concat' &&
      readers.get(id)!.every(({ op: reader }) => reader === op || (reader && readsNoNumbers(reader, id)));
    const operand = [op.a, op.b].find(isFree);
    if (operand !== undefined) sums.set(op, operand);
  }
  return sums;
}

/** True for the gradient of a sum's operand: it only has the operand's shape. */
function readsNoNumbers(op: Op, id: ValueId): boolean {
  return op.kind === 'elementwiseGradInput' && !op.prologue && op.x === id && op.gradOutput.value !== id;
}

/**
 * A copy may share storage with what it copies, and with other copies of it, unless one of them is added to while
 * another is still to be read. What is cut into slices is left alone: its slices are added to each by itself.
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
