import { MESSAGES, type MessageName } from './schema.ts';
import { WIRE } from './wire.ts';

/** A message's fields by their names; those that are undefined are left out. */
export type MessageValue = Readonly<Record<string, unknown>>;

/** The bytes of a message, in the order of its field numbers: https://protobuf.dev/programming-guides/encoding/. */
export function encodeMessage(message: MessageName, value: MessageValue): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  const fields = Object.entries(MESSAGES[message]).sort(([, [, a]], [, [, b]]) => a - b);
  for (const [name, [type, id]] of fields) {
    const given = value[name];
    if (given === undefined || given === null) continue;
    const all = type.endsWith('[]') ? Array.from(given as Iterable<unknown>) : [given];
    for (const each of all) writer.field(type.replace('[]', ''), id, each);
  }
  return writer.finish();
}

/** The bytes before a field's content of this length. */
export function encodeHead(id: number, length: number): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  writer.varint(id * 8 + WIRE.bytes);
  writer.varint(length);
  return writer.finish();
}

class Writer {
  #bytes = new Uint8Array(256);
  #length = 0;

  field(type: string, id: number, value: unknown): void {
    switch (type) {
      case 'int64':
      case 'int32':
        this.varint(id * 8 + WIRE.varint);
        return this.varint(value as number);
      case 'float':
      case 'double': {
        const isFloat = type === 'float';
        this.varint(id * 8 + (isFloat ? WIRE.bits32 : WIRE.bits64));
        const view = new DataView(new ArrayBuffer(isFloat ? 4 : 8));
        if (isFloat) view.setFloat32(0, value as number, true);
        else view.setFloat64(0, value as number, true);
        return this.raw(new Uint8Array(view.buffer));
      }
      case 'string':
        return this.#content(id, new TextEncoder().encode(value as string));
      case 'bytes':
        return this.#content(id, value as Uint8Array);
      default:
        return this.#content(id, encodeMessage(type as MessageName, value as MessageValue));
    }
  }

  /** A whole number, a negative one as 64 bits. */
  varint(value: number | bigint): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    const bytes: number[] = [];
    do {
      const bits = Number(rest & 0x7fn);
      rest >>= 7n;
      bytes.push(rest > 0n ? bits | 0x80 : bits);
    } while (rest > 0n);
    this.raw(Uint8Array.from(bytes));
  }

  raw(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }

  #content(id: number, bytes: Uint8Array): void {
    this.varint(id * 8 + WIRE.bytes);
    this.varint(bytes.length);
    this.raw(bytes);
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }
}
