import type { Below } from '../random.ts';
import { hostileText, pick } from './hostile.ts';
import { mutate } from './mutate.ts';

/**
 * A field of a protobuf message (https://protobuf.dev/programming-guides/encoding/): its key and the bytes of its
 * value.
 */
interface Field {
  readonly id: number;
  readonly wire: number;
  readonly value: Buffer;
}

const [VARINT, BYTES] = [0, 2];
const WIDTHS: Readonly<Record<number, number>> = { 1: 8, 5: 4 };
const HUGE: readonly bigint[] = [
  0n,
  1n,
  127n,
  128n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n,
  2n ** 63n - 1n,
  2n ** 64n - 1n,
];

/** Changes a few fields of a message at any depth; all lengths are correct. */
export function mutateWire(message: Uint8Array, below: Below, depth = 0): Buffer {
  const fields = fieldsOf(Buffer.from(message));
  if (!fields || fields.length === 0 || depth > 8) return mutate(message, [message], below);
  const at = below(fields.length);
  const field = fields[at]!;
  switch (below(10)) {
    case 0:
      fields.splice(at, 1);
      break;
    case 1:
      fields.splice(at, 0, ...Array(1 + below(below(10) === 0 ? 5_000 : 3)).fill(field));
      break;
    case 2:
      fields.splice(at, 0, pick(fields, below));
      break;
    case 3:
      fields[at] = { ...field, id: pick([0, field.id + 1, 1 + below(20), 2 ** 28], below) };
      break;
    case 4:
      fields[at] = nested(field, below);
      break;
    default:
      fields[at] = { ...field, value: changed(field, below, depth) };
  }
  return Buffer.concat(fields.flatMap(encode));
}

function changed({ wire, value }: Field, below: Below, depth: number): Buffer {
  if (wire === VARINT) return below(5) === 0 ? overlong(below) : varint(pick(HUGE, below));
  if (wire !== BYTES) return mutate(value, [value], below).subarray(0, value.length);
  switch (below(5)) {
    case 0:
      return Buffer.from(hostileText(below));
    case 1:
      return mutate(value, [value], below);
    case 2:
      return value.subarray(0, below(value.length + 1));
    default:
      return mutateWire(value, below, depth + 1);
  }
}

/** A recursively nested field, with groups (wire types 3 and 4) or lengths. */
function nested({ id, value }: Field, below: Below): Field {
  const depth = pick([2, 50, 3_000], below);
  if (below(2) === 0) {
    return {
      id,
      wire: BYTES,
      value: Buffer.concat([Buffer.alloc(depth, (id << 3) | 3), value, Buffer.alloc(depth, (id << 3) | 4)]),
    };
  }
  let inner = value.subarray(0, 64);
  for (let i = 0; i < Math.min(depth, 200); i++)
    inner = Buffer.concat(encode({ id, wire: BYTES, value: inner }));
  return { id, wire: BYTES, value: inner };
}

/** The fields of a message; undefined if the bytes are not a message. */
function fieldsOf(bytes: Buffer): Field[] | undefined {
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length; ) {
    const key = readVarint(bytes, at);
    if (!key) return undefined;
    const [id, wire] = [Number(key.value >> 3n), Number(key.value & 7n)];
    at = key.end;
    const size = wire === BYTES || wire === VARINT ? readVarint(bytes, at) : undefined;
    const end =
      wire === VARINT
        ? size?.end
        : wire === BYTES
          ? size && size.end + Number(size.value)
          : at + WIDTHS[wire]!;
    if (id === 0 || end === undefined || !(end <= bytes.length)) return undefined;
    fields.push({ id, wire, value: bytes.subarray(wire === BYTES ? size!.end : at, end) });
    at = end;
  }
  return fields;
}

function readVarint(
  bytes: Buffer,
  start: number,
): { readonly value: bigint; readonly end: number } | undefined {
  let value = 0n;
  for (let at = start; at < Math.min(bytes.length, start + 10); at++) {
    value |= BigInt(bytes[at]! & 0x7f) << BigInt(7 * (at - start));
    if (bytes[at]! < 0x80) return { value, end: at + 1 };
  }
  return undefined;
}

function encode({ id, wire, value }: Field): Buffer[] {
  return [
    varint(BigInt(id) * 8n + BigInt(wire)),
    ...(wire === BYTES ? [varint(BigInt(value.length))] : []),
    value,
  ];
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    if (rest <= 0x7fn) return Buffer.from(bytes);
  }
}

/** A varint with more bytes than necessary, or than allowed. */
function overlong(below: Below): Buffer {
  return Buffer.concat([Buffer.alloc(1 + below(14), 0x80), Buffer.from([below(128)])]);
}
