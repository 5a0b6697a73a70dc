import { deflateSync, inflateSync } from 'node:zlib';
import { crc32 } from '../../../src/io/torch/crc32.ts';
import type { Below } from '../random.ts';
import { hostileText, pick } from './hostile.ts';
import { mutate } from './mutate.ts';

/** A chunk of a container: its type and its bytes. */
interface Piece {
  readonly type: string;
  readonly data: Buffer;
}

/** A format that is a sequence of chunks with type and length. */
interface Container {
  read(bytes: Buffer): readonly Piece[];
  /** Encodes with correct lengths and checksums. */
  write(pieces: readonly Piece[]): Buffer;
  /** By chunk type: offset of the image size in its data, two numbers of `bytes` bytes. */
  readonly sizes: Readonly<Record<string, readonly [at: number, bytes: number]>>;
}

const PNG: Container = {
  read(bytes) {
    const pieces: Piece[] = [];
    for (let at = 8; at + 12 <= bytes.length; ) {
      const length = bytes.readUInt32BE(at);
      pieces.push({
        type: bytes.toString('latin1', at + 4, at + 8),
        data: bytes.subarray(at + 8, at + 8 + length),
      });
      at += 12 + length;
    }
    return pieces;
  },
  write: (pieces) =>
    Buffer.concat([
      Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
      ...pieces.flatMap(({ type, data }) => {
        const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
        return [word(data.length, 'BE'), body, word(crc32(body), 'BE')];
      }),
    ]),
  sizes: { IHDR: [0, 4] },
};

const WEBP: Container = {
  read(bytes) {
    const pieces: Piece[] = [];
    for (let at = 12; at + 8 <= bytes.length; ) {
      const length = bytes.readUInt32LE(at + 4);
      pieces.push({
        type: bytes.toString('latin1', at, at + 4),
        data: bytes.subarray(at + 8, at + 8 + length),
      });
      at += 8 + length + (length % 2);
    }
    return pieces;
  },
  write(pieces) {
    const body = Buffer.concat(
      pieces.flatMap(({ type, data }) => [
        Buffer.from(type, 'latin1'),
        word(data.length, 'LE'),
        data,
        Buffer.alloc(data.length % 2),
      ]),
    );
    return Buffer.concat([Buffer.from('RIFF'), word(body.length + 4, 'LE'), Buffer.from('WEBP'), body]);
  },
  sizes: { VP8X: [4, 3], 'VP8 ': [6, 2] },
};

/** JPEG segments; the data of the scan are the last chunk. */
const JPEG: Container = {
  read(bytes) {
    const pieces: Piece[] = [];
    for (let at = 2; at + 4 <= bytes.length; ) {
      const [marker, length] = [bytes[at + 1]!, bytes.readUInt16BE(at + 2)];
      if (marker === 0xda) return [...pieces, { type: 'scan', data: bytes.subarray(at) }];
      pieces.push({ type: marker.toString(16), data: bytes.subarray(at + 4, at + 2 + length) });
      at += 2 + length;
    }
    return pieces;
  },
  write: (pieces) =>
    Buffer.concat([
      Buffer.from([0xff, 0xd8]),
      ...pieces.flatMap(({ type, data }) => {
        if (type === 'scan') return [data];
        const short = data.subarray(0, 65_533);
        const head = Buffer.from([0xff, Number.parseInt(type, 16) & 0xff, 0, 0]);
        head.writeUInt16BE(short.length + 2, 2);
        return [head, short];
      }),
    ]),
  sizes: { c0: [1, 2], c2: [1, 2] },
};

export const CONTAINERS = { png: PNG, webp: WEBP, jpeg: JPEG } as const;

const SIZES = [0, 1, 2, 7, 4096, 10_000, 16_383, 65_535, 2 ** 24 - 1, 2 ** 31 - 1, 2 ** 32 - 1];

/** Changes, duplicates, moves or replaces chunks; the result is a valid container. */
export function mutatePieces(
  container: Container,
  bytes: Uint8Array,
  other: Uint8Array,
  below: Below,
): Buffer {
  const pieces = [...container.read(Buffer.from(bytes))];
  const others = container.read(Buffer.from(other));
  for (let changes = 1 + below(3); changes > 0 && pieces.length > 0; changes--) {
    const at = below(pieces.length);
    const piece = pieces[at]!;
    const size = container.sizes[piece.type];
    switch (size && below(2) === 0 ? 9 : below(9)) {
      case 0:
        pieces.splice(at, 1);
        break;
      case 1:
        pieces.splice(at, 0, ...Array(1 + below(below(10) === 0 ? 2_000 : 3)).fill(piece));
        break;
      case 2:
        pieces.splice(below(pieces.length + 1), 0, pick(others.length > 0 ? others : pieces, below));
        break;
      case 3:
        pieces.splice(at, 0, {
          type: piece.type,
          data: Buffer.from(`${hostileText(below)}\0${hostileText(below)}`),
        });
        break;
      case 9:
        pieces[at] = { ...piece, data: resized(piece.data, size!, below) };
        break;
      default:
        pieces[at] = { ...piece, data: changed(piece, below) };
    }
  }
  return container.write(pieces);
}

function resized(data: Buffer, [at, bytes]: readonly [number, number], below: Below): Buffer {
  const copy = Buffer.from(data);
  for (const place of [at, at + bytes]) {
    if (below(3) > 0 && place + bytes <= copy.length) {
      const size = pick(SIZES, below) % 2 ** (8 * bytes);
      if (below(2)) copy.writeUIntBE(size, place, bytes);
      else copy.writeUIntLE(size, place, bytes);
    }
  }
  return copy;
}

/** Mutates the data of a chunk. In half of the cases, PNG data are mutated before compression. */
function changed({ type, data }: Piece, below: Below): Buffer {
  if (type !== 'IDAT' || below(2) === 0) return mutate(data, [data], below);
  try {
    return deflateSync(mutate(inflateSync(data), [data], below));
  } catch {
    return mutate(data, [data], below);
  }
}

function word(value: number, order: 'BE' | 'LE'): Buffer {
  const bytes = Buffer.alloc(4);
  bytes[`writeUInt32${order}`](value >>> 0);
  return bytes;
}
