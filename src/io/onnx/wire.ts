import { OnnxError } from './error.ts';

/** An encoded field of a message: its number, wire type, and the bytes of its value (without a length prefix). */
export interface Field {
  readonly id: number;
  readonly wire: number;
  readonly payload: Uint8Array;
}

/** Protobuf wire types (https://protobuf.dev/programming-guides/encoding/). */
export const WIRE = { varint: 0, bits64: 1, bytes: 2, bits32: 5 } as const;

const UTF8 = new TextDecoder('utf-8', { fatal: true });
/** 64 bits in groups of 7. */
const MAX_VARINT_BYTES = 10;

/**
 * The remaining number of fields that a file may have in all its messages; a field can be as short as two bytes.
 */
export interface FieldBudget {
  left: number;
}

/**
 * Iterates over the fields of a message; values are views. Not recursive, and allocations do not depend on the
 * file.
 * @throws OnnxError if the bytes are not a valid message, or the file has too many fields.
 */
export function* fieldsOf(message: Uint8Array, what: string, budget: FieldBudget): Generator<Field> {
  const cursor = new Cursor(message, what);
  while (!cursor.isAtEnd) {
    if (budget.left-- === 0) throw new OnnxError(`${what} has too many fields for a file of weights`);
    yield cursor.field();
  }
}

/** Decodes the first varint. @throws OnnxError */
export function varintOf(bytes: Uint8Array, what: string): bigint {
  const one = new BigInt64Array(1);
  new Cursor(bytes, what).varint(new Uint32Array(one.buffer), 0);
  return one[0]!;
}

/** Number of consecutive varints in `bytes`. @throws OnnxError */
export function countVarints(bytes: Uint8Array, what: string): number {
  const cursor = new Cursor(bytes, what);
  const scratch = new Uint32Array(2);
  let count = 0;
  for (; !cursor.isAtEnd; count++) cursor.varint(scratch, 0);
  return count;
}

/** Decodes the varints of a packed field, or of the pieces of an unpacked one. @throws OnnxError */
export function readVarints(
  pieces: readonly Uint8Array[],
  count: number,
  what: string,
): BigInt64Array<ArrayBuffer> {
  const values = new BigInt64Array(count);
  const words = new Uint32Array(values.buffer);
  let read = 0;
  for (const piece of pieces) {
    const cursor = new Cursor(piece, what);
    while (!cursor.isAtEnd && read < count) cursor.varint(words, 2 * read++);
  }
  return values;
}

/** Decodes strict UTF-8. @throws OnnxError */
export function textOf(bytes: Uint8Array, what: string): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new OnnxError(`${what} is damaged: it is no UTF-8`);
  }
}

class Cursor {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  readonly #words = new Uint32Array(2);
  #at = 0;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  field(): Field {
    const tag = this.#size();
    const [id, wire] = [Math.floor(tag / 8), tag % 8];
    if (id === 0) this.#refuse('a field has number 0');
    const start = this.#at;
    switch (wire) {
      case WIRE.varint:
        this.varint(this.#words, 0);
        return { id, wire, payload: this.#bytes.subarray(start, this.#at) };
      case WIRE.bits64:
        return { id, wire, payload: this.#take(8) };
      case WIRE.bytes:
        return { id, wire, payload: this.#take(this.#size()) };
      case WIRE.bits32:
        return { id, wire, payload: this.#take(4) };
      default:
        return this.#refuse(`field ${id} is of wire type ${wire}, which ONNX does not use`);
    }
  }

  /** Decodes a varint into two words, the lower one first. */
  varint(words: Uint32Array, at: number): void {
    let [low, high] = [0, 0];
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = this.#bytes[this.#at++] ?? this.#refuse('it ends within a number');
      const bits = byte & 0x7f;
      if (i < 4) low |= bits << (7 * i);
      else if (i === 4) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else if (i < 9) high |= bits << (7 * i - 32);
      else {
        if (bits > 1) this.#refuse('a number has more than 64 bits');
        high |= bits << 31;
      }
      if (byte === bits) {
        words[at] = low;
        words[at + 1] = high;
        return;
      }
    }
    this.#refuse(`a number of more than ${MAX_VARINT_BYTES} bytes`);
  }

  /** Decodes a length or a tag; lengths beyond the end of the file are rejected by `#take`. */
  #size(): number {
    this.varint(this.#words, 0);
    return this.#words[1]! * 2 ** 32 + this.#words[0]!;
  }

  #take(length: number): Uint8Array {
    const left = this.#bytes.length - this.#at;
    if (length > left) this.#refuse(`a field of ${length} bytes where ${left} are left`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #refuse(reason: string): never {
    throw new OnnxError(`${this.#what} is damaged: ${reason}`);
  }
}
