/** Numbers that one number of the next level stands for. */
const FACTOR = 16;

/** Numbers in a row that grows at its end. */
export class GrowingColumn {
  #numbers = new Float32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** All numbers so far, without a copy, and more behind them: valid until the next one is added. */
  get numbers(): Float32Array {
    return this.#numbers;
  }

  push(number: number): void {
    this.#reserve(this.#length + 1);
    this.#numbers[this.#length++] = number;
  }

  append(numbers: Float32Array): void {
    this.#reserve(this.#length + numbers.length);
    this.#numbers.set(numbers, this.#length);
    this.#length += numbers.length;
  }

  set(index: number, number: number): void {
    this.#numbers[index] = number;
  }

  #reserve(length: number): void {
    if (length <= this.#numbers.length) return;
    const grown = new Float32Array(Math.max(length, 2 * this.#numbers.length));
    grown.set(this.#numbers.subarray(0, this.#length));
    this.#numbers = grown;
  }
}

/** Least and greatest number of a stretch; both NaN where it has none. */
export interface Range {
  readonly least: number;
  readonly greatest: number;
}

/**
 * A series with the least and the greatest of every 16, 256, … numbers: a million points are drawn by looking at a few
 * thousand, and no spike is lost. NaN is no number here: it is left out.
 */
export class MinMaxPyramid {
  readonly #raw = new GrowingColumn();
  /** Level 0 stands for 16 numbers. */
  readonly #levels: { readonly least: GrowingColumn; readonly greatest: GrowingColumn }[] = [];

  get length(): number {
    return this.#raw.length;
  }

  at(index: number): number {
    return index >= 0 && index < this.length ? this.#raw.numbers[index]! : Number.NaN;
  }

  append(numbers: Float32Array): void {
    const from = this.#raw.length;
    this.#raw.append(numbers);
    let [first, end] = [from, this.#raw.length];
    let below = { least: this.#raw, greatest: this.#raw };
    for (let level = 0; end > FACTOR || level < this.#levels.length; level++) {
      this.#levels[level] ??= { least: new GrowingColumn(), greatest: new GrowingColumn() };
      const here = this.#levels[level]!;
      // A new level starts at its beginning; of the others only what has changed is looked at.
      first = here.least.length === 0 ? 0 : Math.floor(first / FACTOR);
      const last = Math.ceil(end / FACTOR);
      for (let i = first; i < last; i++) {
        const { least, greatest } = rangeOf(below, i * FACTOR, Math.min((i + 1) * FACTOR, end));
        put(here.least, i, least);
        put(here.greatest, i, greatest);
      }
      end = last;
      below = here;
    }
  }

  /** Least and greatest number of [first, end). */
  range(first: number, end: number): Range {
    let [from, to] = [Math.max(0, first), Math.min(end, this.length)];
    let [least, greatest] = [Number.NaN, Number.NaN];
    const add = (part: Range) => {
      if (!(part.least >= least)) least = Number.isNaN(part.least) ? least : part.least;
      if (!(part.greatest <= greatest)) greatest = Number.isNaN(part.greatest) ? greatest : part.greatest;
    };
    let here = { least: this.#raw, greatest: this.#raw };
    for (let level = 0; from < to; level++) {
      const above = this.#levels[level];
      if (!above || to - from <= FACTOR) {
        add(rangeOf(here, from, to));
        break;
      }
      // The ragged ends at this level, the middle at the next.
      const [begin, stop] = [Math.ceil(from / FACTOR), Math.floor(to / FACTOR)];
      add(rangeOf(here, from, Math.min(begin * FACTOR, to)));
      add(rangeOf(here, Math.max(stop * FACTOR, from), to));
      [from, to] = [begin, stop];
      here = above;
    }
    return { least, greatest };
  }
}

function put(column: GrowingColumn, index: number, number: number): void {
  if (index === column.length) column.push(number);
  else column.set(index, number);
}

function rangeOf(
  { least: low, greatest: high }: { readonly least: GrowingColumn; readonly greatest: GrowingColumn },
  from: number,
  to: number,
): Range {
  let [least, greatest] = [Number.NaN, Number.NaN];
  const [lows, highs] = [low.numbers, high.numbers];
  for (let i = from; i < to; i++) {
    const [a, b] = [lows[i]!, highs[i]!];
    if (!(a >= least) && !Number.isNaN(a)) least = a;
    if (!(b <= greatest) && !Number.isNaN(b)) greatest = b;
  }
  return { least, greatest };
}
