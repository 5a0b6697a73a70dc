import type { Refuse } from './error.ts';
import type { PickleValue } from './pickle-value.ts';

/** The stack of an unpickler with its marks: values below the last mark cannot be popped. */
export class PickleStack {
  readonly #refuse: Refuse;
  readonly #values: PickleValue[] = [];
  /** Stack heights at which marks were pushed. */
  readonly #marks: number[] = [];

  constructor(refuse: Refuse) {
    this.#refuse = refuse;
  }

  /** Number of values and marks. */
  get size(): number {
    return this.#values.length + this.#marks.length;
  }

  push(value: PickleValue): void {
    this.#values.push(value);
  }

  mark(): void {
    this.#marks.push(this.#values.length);
  }

  pop(): PickleValue {
    return this.popSome(1)[0]!;
  }

  popSome(count: number): PickleValue[] {
    if (this.#values.length - count < (this.#marks.at(-1) ?? 0)) this.#tooFew();
    return this.#values.splice(this.#values.length - count);
  }

  /** Pops the last mark and all values above it; returns the values. */
  popMark(): PickleValue[] {
    const height = this.#marks.pop() ?? this.#refuse('damaged pickle: a mark is missing');
    return this.#values.splice(height);
  }

  /** Pops the top: a value or a mark. */
  drop(): void {
    if (this.#marks.length > 0 && this.#marks.at(-1) === this.#values.length) this.#marks.pop();
    else this.pop();
  }

  top(): PickleValue {
    if (this.#values.length <= (this.#marks.at(-1) ?? 0)) this.#tooFew();
    return this.#values.at(-1)!;
  }

  #tooFew(): never {
    return this.#refuse('damaged pickle: it takes more values than there are');
  }
}
