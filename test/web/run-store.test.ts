import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RunFolder } from '../../web/lab/run-store.ts';
import type { SyncFile } from '../../web/lab/slots.ts';

/** A file of a browser: whoever has it open has it alone. */
class StoredFile {
  bytes = new Uint8Array();
  isOpen = false;

  async createSyncAccessHandle(): Promise<SyncFile> {
    await Promise.resolve();
    if (this.isOpen) throw new DOMException('it is open', 'NoModificationAllowedError');
    this.isOpen = true;
    return {
      read: (to, { at }) => {
        const part = this.bytes.subarray(at, at + to.length);
        to.set(part);
        return part.length;
      },
      write: (from, { at }) => {
        const grown = new Uint8Array(Math.max(this.bytes.length, at + from.length));
        grown.set(this.bytes);
        grown.set(from, at);
        this.bytes = grown;
        return from.length;
      },
      truncate: (size) => {
        this.bytes = this.bytes.slice(0, size);
      },
      getSize: () => this.bytes.length,
      flush: () => {},
      close: () => {
        this.isOpen = false;
      },
    };
  }
}

class StoredFolder {
  readonly files = new Map<string, StoredFile>();
  readonly #folders = new Map<string, StoredFolder>();

  async getDirectoryHandle(name: string): Promise<StoredFolder> {
    const folder = this.#folders.get(name) ?? new StoredFolder();
    this.#folders.set(name, folder);
    return folder;
  }

  async getFileHandle(name: string): Promise<StoredFile> {
    const file = this.files.get(name) ?? new StoredFile();
    this.files.set(name, file);
    return file;
  }
}

/** Web Locks: one after the other. */
class Locks {
  readonly #latest = new Map<string, Promise<unknown>>();

  request<T>(name: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#latest.get(name) ?? Promise.resolve()).then(work);
    this.#latest.set(
      name,
      result.catch(() => {}),
    );
    return result;
  }
}

const RUN = { id: 'tab-1', name: 'sample-1', model: 'notes', source: 'sample', createdAt: '2026' } as const;
let root: StoredFolder;
beforeEach(() => {
  root = new StoredFolder();
  vi.stubGlobal('navigator', { storage: { getDirectory: async () => root }, locks: new Locks() });
});
afterEach(() => vi.unstubAllGlobals());

const isAnyOpen = async () => {
  const folder = await (await root.getDirectoryHandle('runs')).getDirectoryHandle(RUN.id);
  return [...folder.files.values()].some(({ isOpen }) => isOpen);
};

test('a checkpoint is saved while others read it, as when the camera asks a network that is trained', async () => {
  const training = await RunFolder.create(RUN);
  const other = await RunFolder.create(RUN); // Of another request, or of another tab.
  const results = [];
  for (let i = 1; i <= 5; i++) {
    results.push(training.saveCheckpoint('last', Uint8Array.of(i)));
    results.push(other.loadCheckpoint('last').then((slot) => expect(slot?.bytes).toEqual(Uint8Array.of(i))));
  }
  await Promise.all(results);
  expect(await isAnyOpen()).toBe(false);
});

test('no file stays open when one of the two slots cannot be opened', async () => {
  const folder = await RunFolder.create(RUN);
  await folder.saveCheckpoint('last', Uint8Array.of(1));
  const stored = await (await root.getDirectoryHandle('runs')).getDirectoryHandle(RUN.id);
  const second = await stored.files.get('last-1')!.createSyncAccessHandle();
  await expect(folder.loadCheckpoint('last')).rejects.toThrow('it is open');
  second.close();
  expect(await isAnyOpen()).toBe(false);
  expect((await folder.loadCheckpoint('last'))!.bytes).toEqual(Uint8Array.of(1));
});
