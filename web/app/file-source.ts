import type { PlacedFile } from 'densor/browser';
import { droppedEntries, filesIn } from './dropped-files.ts';

/** Shows logs of files: what reads them is fetched with the first. */
export async function openLogs(files: readonly PlacedFile[]): Promise<void> {
  await (await import('../logs/open-logs.ts')).openLogs(files);
}

/** A log or the folder of a run may be dropped anywhere, but on what takes files for itself. */
export function listenToDrops(): void {
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', async (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault(); // Else the browser would leave the page and show the file.
    const entries = droppedEntries(event.dataTransfer);
    if (entries.length === 0) return;
    await openLogs(await filesIn(entries));
  });
}
