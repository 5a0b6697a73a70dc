/** Reading and writing of a file by a worker that has it alone: a `FileSystemSyncAccessHandle`, or a test's. */
export interface SyncFile {
  read(to: Uint8Array, at: { readonly at: number }): number;
  write(from: Uint8Array, at: { readonly at: number }): number;
  truncate(size: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

/** What a slot holds beside its bytes. */
export interface SlotContent {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Length of the log when it was written: what came later is told again. */
  readonly logBytes: number;
}

const MAGIC = 0x44534c54;
const HEADER_BYTES = 32;

/**
 * Keeps one content in two files, of which one is always whole: the older is overwritten, its header last. However a
 * browser ends, the newest that was written whole is found.
 */
export function writeSlot(files: readonly [SyncFile, SyncFile], { bytes, logBytes }: SlotContent): void {
  const counters = files.map((file) => headerOf(file)?.counter ?? 0);
  const [first, second] = counters as [number, number];
  const file = first <= second ? files[0] : files[1];
  file.truncate(0); // The header goes first: what is half written is no slot.
  file.flush();
  writeAll(file, bytes, HEADER_BYTES);
  file.flush();
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  header.setUint32(0, MAGIC);
  header.setUint32(4, checksum(bytes));
  header.setFloat64(8, Math.max(first, second) + 1);
  header.setFloat64(16, bytes.length);
  header.setFloat64(24, logBytes);
  writeAll(file, new Uint8Array(header.buffer), 0);
  file.flush();
}

/** The newest content that is whole. */
export function readSlot(files: readonly SyncFile[]): SlotContent | undefined {
  const found = files.flatMap((file) => {
    const header = headerOf(file);
    return header ? [{ file, header }] : [];
  });
  for (const { file, header } of found.sort((a, b) => b.header.counter - a.header.counter)) {
    const bytes = new Uint8Array(header.length);
    const read = file.read(bytes, { at: HEADER_BYTES });
    if (read === header.length && checksum(bytes) === header.checksum)
      return { bytes, logBytes: header.logBytes };
  }
  return undefined;
}

function headerOf(file: SyncFile) {
  const bytes = new Uint8Array(HEADER_BYTES);
  if (file.read(bytes, { at: 0 }) < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer);
  if (view.getUint32(0) !== MAGIC) return undefined;
  const header = {
    checksum: view.getUint32(4),
    counter: view.getFloat64(8),
    length: view.getFloat64(16),
    logBytes: view.getFloat64(24),
  };
  const isWhole = header.length >= 0 && HEADER_BYTES + header.length <= file.getSize();
  return isWhole ? header : undefined;
}

function writeAll(file: SyncFile, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; ) done += file.write(bytes.subarray(done), { at: at + done });
}

/** FNV-1a over words: tells bytes that were torn from those that were written. */
function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash >>> 0;
}
