import protobuf from 'protobufjs/light.js';
import { OnnxError } from './error.ts';

/** A field as it lies in a message: its number, and the bytes of its value (without the length before them). */
export interface Field {
  readonly id: number;
  readonly wire: number;
  readonly payload: Uint8Array;
}

/** Types of values on the wire (https://protobuf.dev/programming-guides/encoding/). */
export const WIRE = { varint: 0, bytes: 2 } as const;

/**
 * The fields of a message one after the other, as views: nothing is allocated that a file could make large, and
 * nothing recurses but groups, which protobufjs counts.
 * @throws OnnxError where the bytes are no message.
 */
export function* fieldsOf(message: Uint8Array, what: string): Generator<Field> {
  const reader = protobuf.Reader.create(message);
  while (reader.pos < reader.len) yield damaged(what, () => nextField(reader, message));
}

function nextField(reader: protobuf.Reader, message: Uint8Array): Field {
  const tag = reader.tag();
  const [id, wire] = [tag >>> 3, tag & 7];
  if (id === 0) throw new RangeError('a field has number 0');
  const size = wire === WIRE.bytes ? reader.size() : undefined;
  const start = reader.pos;
  if (size === undefined) reader.skipType(wire, 0, id);
  else reader.skip(size);
  return { id, wire, payload: message.subarray(start, reader.pos) };
}

/** Varints one after the other: a packed field, or one that is not. @throws OnnxError */
export function* varintsOf(bytes: Uint8Array, what: string): Generator<bigint> {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) yield damaged(what, () => BigInt(reader.int64().toString()));
}

/** Strict UTF-8. @throws OnnxError */
export function textOf(bytes: Uint8Array, what: string): string {
  return damaged(what, () => new TextDecoder('utf-8', { fatal: true }).decode(bytes));
}

/** Whatever protobufjs or the decoder throws says that the bytes are wrong. */
function damaged<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new OnnxError(`${what} is damaged: ${(error as Error).message}`);
  }
}
