import type { Refuse } from './error.ts';

const NEWLINE = 0x0a;
/** Lines contain numbers and names of globals. */
const MAX_LINE_BYTES = 256;
/** The largest integers in weight files are seeds and magic numbers. */
const MAX_INTEGER_BYTES = 16;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A cursor over the bytes of a pickle. Lengths are checked against the remaining bytes. */
export class PickleReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #refuse: Refuse;
  #at: number;

  constructor(bytes: Uint8Array, at: number, refuse: Refuse) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
    this.#refuse = refuse;
  }

  get at(): number {
    return this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  /** An 8-byte length. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true));
  }

  /** A float64; the only big-endian number in pickles. */
  f64(): number {
    return this.#view.getFloat64(this.#take(8), false);
  }

  /** A view, not a copy. */
  bytes(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  text(length: number): string {
    try {
      return UTF8.decode(this.bytes(length));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return this.#refuse('damaged pickle: a string is no UTF-8');
    }
  }

  /** Text up to a newline, which is consumed. */
  line(): string {
    const end = this.#bytes.subarray(0, this.#at + MAX_LINE_BYTES).indexOf(NEWLINE, this.#at);
    if (end < 0) return this.#refuse('damaged pickle: a line does not end');
    const text = this.text(end - this.#at);
    this.#at++;
    return text;
  }

  /** A little-endian two's complement integer of `length` bytes. */
  integer(length: number): number | bigint {
    if (length > MAX_INTEGER_BYTES)
      return this.#refuse(`the pickle holds a whole number of ${length} bytes: at most ${MAX_INTEGER_BYTES}`);
    const bytes = this.bytes(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
    return asNumber(length > 0 ? BigInt.asIntN(8 * length, value) : 0n);
  }

  #take(length: number): number {
    const start = this.#at;
    const left = this.#bytes.length - start;
    if (!(length >= 0 && length <= left))
      this.#refuse(`truncated: the pickle wants ${length} bytes where ${left} are left`);
    this.#at = start + length;
    return start;
  }
}

/** Converts to a number if that is exact. */
export function asNumber(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
