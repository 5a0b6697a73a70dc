import type { PlacedFile } from 'densor/browser';

/** What was dropped. It is asked for while the event is handled: later the browser has forgotten it. */
export function droppedEntries(data: DataTransfer | null): readonly FileSystemEntry[] {
  return [...(data?.items ?? [])].flatMap((item) => item.webkitGetAsEntry() ?? []);
}

/** The files of what was dropped, folders with all that is in them. */
export async function filesIn(entries: readonly FileSystemEntry[]): Promise<readonly PlacedFile[]> {
  const found: PlacedFile[] = [];
  const visit = async (entry: FileSystemEntry): Promise<void> => {
    if (entry.isFile) {
      const file = await new Promise<File>((resolve, reject) =>
        (entry as FileSystemFileEntry).file(resolve, reject),
      );
      found.push({ path: entry.fullPath.replace(/^\//, ''), file });
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
        reader.readEntries(resolve, reject),
      );
      if (some.length === 0) return;
      for (const each of some) await visit(each);
    }
  };
  for (const entry of entries) await visit(entry);
  return found;
}

/** The files of an `<input>`, with the folders that were chosen. */
export function chosenFiles(files: FileList | null): readonly PlacedFile[] {
  return [...(files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}
