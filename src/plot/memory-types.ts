/** A buffer: its lifetime in records (inclusive) and its byte range in the arena. */
export interface MemoryBlock {
  readonly first: number;
  readonly last: number;
  readonly offset: number;
  readonly bytes: number;
  /** Its purpose, as a label. */
  readonly reason: string;
  /** Its entry in the legend. */
  readonly group: string;
}

/** A named range of records, with shorter names for narrow ranges. */
export interface Span {
  readonly names: readonly string[];
  readonly first: number;
  readonly last: number;
}

/** A candidate: a way to execute the step. */
export interface CandidateRow {
  readonly bytes: number;
  /** Predicted slowdown relative to the first candidate: 0.05 is 5% slower. */
  readonly slowdown: number;
  readonly text: string;
  /** Whether this candidate's arena is plotted. */
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
  /** The record with the largest number of bytes in use. */
  readonly peak: { readonly record: number; readonly text: string };
  readonly candidates: readonly CandidateRow[];
  readonly groups: readonly { readonly name: string; readonly colour: string }[];
  readonly formatBytes: (bytes: number) => string;
}
