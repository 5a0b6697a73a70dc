import type { Group, RankNumbers } from './group.ts';

/** Combines the arrays of all ranks. */
type Combine = (parts: readonly RankNumbers[]) => RankNumbers;

/** The rendezvous of the ranks of a group: collects their arrays until all have called. */
class Meeting {
  readonly #size: number;
  #arrived: { readonly what: string; readonly numbers: RankNumbers; readonly rank: number }[] = [];
  #waiting: { resolve: (answer: RankNumbers) => void; reject: (error: Error) => void }[] = [];
  #error: Error | undefined;

  constructor(size: number) {
    this.#size = size;
  }

  meet(rank: number, what: string, numbers: RankNumbers, combine: Combine): Promise<RankNumbers> {
    if (this.#error) return Promise.reject(this.#error);
    const other = this.#arrived.find((one) => one.what !== what || one.numbers.length !== numbers.length);
    if (other) {
      const [mine, theirs] = [`${what} of ${numbers.length}`, `${other.what} of ${other.numbers.length}`];
      this.abort(new Error(`rank ${rank} is at ${mine} numbers, rank ${other.rank} at ${theirs} numbers`));
      return Promise.reject(this.#error);
    }
    this.#arrived.push({ what, numbers, rank });
    const answer = new Promise<RankNumbers>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    if (this.#arrived.length === this.#size) {
      const parts = this.#arrived.sort((a, b) => a.rank - b.rank).map((one) => one.numbers);
      const result = combine(parts);
      const waiting = this.#waiting;
      [this.#arrived, this.#waiting] = [[], []];
      for (const { resolve } of waiting) resolve(result.slice());
    }
    return answer;
  }

  abort(error: Error): void {
    this.#error ??= error;
    for (const { reject } of this.#waiting) reject(this.#error);
    [this.#arrived, this.#waiting] = [[], []];
  }
}

/**
 * Groups within one process, one per rank, for concurrent sessions that each run the programs of one rank. For
 * tests, and for simulating a cluster.
 * @param combine replaces the tree of sums, to show the effect of another order.
 */
export function inProcessGroups(size: number, combine: Combine = treeSum): readonly Group[] {
  const meeting = new Meeting(size);
  return Array.from({ length: size }, (_, rank): Group => {
    const meet = <T extends RankNumbers>(what: string, numbers: T, how: Combine) =>
      meeting.meet(rank, what, numbers, how) as Promise<T>;
    return {
      rank,
      size,
      gather: (own) => meet('gather', own, concatenated),
      treeSum: (own) => meet('treeSum', own, combine),
      broadcast: (numbers) => meet('broadcast', numbers, ([first]) => first!),
      barrier: async () => void (await meet('barrier', new Float32Array(0), ([first]) => first!)),
      abort: (error) => meeting.abort(error),
      close: async () => {},
    };
  });
}

function concatenated(parts: readonly RankNumbers[]): RankNumbers {
  const [{ length }] = parts as [RankNumbers];
  const all = like(parts[0]!, parts.length * length);
  for (const [i, part] of parts.entries()) all.set(part, i * length);
  return all;
}

/** Adds neighbouring pairs, then pairs of the results, and so on. */
export function treeSum(parts: readonly RankNumbers[]): RankNumbers {
  if (parts.length === 1) return parts[0]!;
  const half = parts.length / 2;
  return add(treeSum(parts.slice(0, half)), treeSum(parts.slice(half)));
}

/** a + b in a's precision. */
export function add(a: RankNumbers, b: RankNumbers): RankNumbers {
  const sum = like(a, a.length);
  for (let i = 0; i < sum.length; i++) sum[i] = a[i]! + b[i]!;
  return sum;
}

function like(numbers: RankNumbers, length: number): RankNumbers {
  return numbers instanceof Float64Array ? new Float64Array(length) : new Float32Array(length);
}
