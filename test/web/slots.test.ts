import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readSlot, type SyncFile, writeSlot } from '../../web/lab/slots.ts';

/** A file in memory whose disk ends after so many operations, in the middle of the last. */
class MemoryFile implements SyncFile {
  bytes = new Uint8Array();
  readonly #disk: { left: number };

  constructor(disk: { left: number }) {
    this.#disk = disk;
  }

  read(to: Uint8Array, { at }: { readonly at: number }): number {
    const part = this.bytes.subarray(at, at + to.length);
    to.set(part);
    return part.length;
  }

  write(from: Uint8Array, { at }: { readonly at: number }): number {
    const isLast = this.#disk.left === 1;
    this.#use();
    const part = isLast ? from.subarray(0, Math.floor(from.length / 2)) : from;
    const grown = new Uint8Array(Math.max(this.bytes.length, at + part.length));
    grown.set(this.bytes);
    grown.set(part, at);
    this.bytes = grown;
    if (isLast) throw new Error('power loss');
    return part.length;
  }

  truncate(size: number): void {
    this.#use();
    this.bytes = this.bytes.slice(0, size);
  }

  getSize(): number {
    return this.bytes.length;
  }

  flush(): void {
    this.#use();
  }

  close(): void {}

  #use(): void {
    if (this.#disk.left-- <= 0) throw new Error('power loss');
  }
}

test('whenever a browser ends, the newest checkpoint that was written whole is found', () => {
  const contents = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(contents, fc.nat(40), (all, operations) => {
      const disk = { left: Number.POSITIVE_INFINITY };
      const slots = [new MemoryFile(disk), new MemoryFile(disk)] as const;
      const written: Uint8Array[] = [];
      disk.left = operations;
      let inFlight: Uint8Array | undefined;
      try {
        for (const [i, each] of all.entries()) {
          inFlight = each;
          writeSlot([...slots], { bytes: Uint8Array.from(each), logBytes: i });
          written.push(each);
        }
      } catch {}
      const found = readSlot(slots);
      const last = written.at(-1);
      // The one that was being written may be whole already.
      const isNewest =
        found !== undefined && inFlight !== undefined && Buffer.compare(found.bytes, inFlight) === 0;
      if (isNewest) return;
      expect(found && [...found.bytes]).toEqual(last && [...last]);
    }),
    { numRuns: 2000 },
  );
});

test('a file that takes nothing more is an error, and what was there before is still found', () => {
  const disk = { left: Number.POSITIVE_INFINITY };
  const [first, second] = [new MemoryFile(disk), new MemoryFile(disk)];
  writeSlot([first, second], { bytes: Uint8Array.of(1, 2, 3), logBytes: 7 });
  second.write = () => 0;
  expect(() => writeSlot([first, second], { bytes: Uint8Array.of(4), logBytes: 8 })).toThrow(/quota/);
  expect(readSlot([first, second])).toEqual({ bytes: Uint8Array.of(1, 2, 3), logBytes: 7 });
});
