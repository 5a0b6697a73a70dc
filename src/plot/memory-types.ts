/** A buffer: when it lives, in records (the last included), and which bytes of the arena it has. */
export interface MemoryBlock {
  readonly first: number;
  readonly last: number;
  readonly offset: number;
  readonly bytes: number;
  /** Why it is there, as a label. */
  readonly reason: string;
  /** Its entry in the legend. */
  readonly group: string;
}

/** Records in a row that have a name, and shorter ones for where there is little room. */
export interface Span {
  readonly names: readonly string[];
  readonly first: number;
  readonly last: number;
}

/** A way to run the step. */
export interface CandidateRow {
  readonly bytes: number;
  /** Predicted time beyond that of the first, as a part of it. */
  readonly slowdown: number;
  readonly text: string;
  /** The way whose arena is drawn. */
  readonly isShown: boolean;
}

export interface MemoryPicture {
  readonly title: string;
  readonly subtitle: string;
  readonly arenaBytes: number;
  readonly records: number;
  readonly blocks: readonly MemoryBlock[];
  /** Forward, backward, update. */
  readonly phases: readonly Span[];
  readonly parts: readonly Span[];
  /** The record during which the most bytes are in use. */
  readonly peak: { readonly record: number; readonly text: string };
  readonly candidates: readonly CandidateRow[];
  readonly groups: readonly { readonly name: string; readonly colour: string }[];
  readonly formatBytes: (bytes: number) => string;
}
