import type { Below } from '../random.ts';

/** Boundary values for lengths, counts and offsets. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/**
 * Applies one to six mutations: changed bytes and lengths; ranges deleted, duplicated, moved, or copied from other
 * files.
 */
export function mutate(bytes: Uint8Array, others: readonly Uint8Array[], below: Below): Buffer<ArrayBuffer> {
  let mutated: Buffer<ArrayBuffer> = Buffer.from(bytes);
  for (let damages = 1 + below(1 + below(6)); damages > 0; damages--)
    mutated = damage(mutated, others, below);
  return mutated;
}

function damage(
  bytes: Buffer<ArrayBuffer>,
  others: readonly Uint8Array[],
  below: Below,
): Buffer<ArrayBuffer> {
  if (bytes.length === 0) return Buffer.from([below(256)]);
  const at = below(bytes.length);
  const piece = (from: Uint8Array) => {
    const start = below(from.length);
    return from.subarray(start, start + 1 + below(64));
  };
  switch (below(9)) {
    case 0:
      bytes[at] = below(256);
      return bytes;
    case 1:
      bytes[at]! ^= 1 << below(8);
      return bytes;
    case 2: {
      const width = [1, 2, 4, 6][below(4)]!;
      if (at + width <= bytes.length)
        bytes.writeUIntLE(EDGES[below(EDGES.length)]! % 2 ** (8 * width), at, width);
      return bytes;
    }
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(32))]);
    case 4:
      return below(4) === 0 ? Buffer.from(bytes.subarray(0, at)) : bytes;
    case 5:
      return Buffer.concat([bytes.subarray(0, at), piece(bytes), bytes.subarray(at)]);
    case 6:
      return Buffer.concat([bytes.subarray(0, at), piece(others[below(others.length)]!), bytes.subarray(at)]);
    case 7: {
      const moved = piece(bytes);
      bytes.set(moved.subarray(0, bytes.length - at), at);
      return bytes;
    }
    default: {
      const repeated = Buffer.from(piece(bytes));
      return Buffer.concat([
        bytes.subarray(0, at),
        ...Array(1 + below(100)).fill(repeated),
        bytes.subarray(at),
      ]);
    }
  }
}
