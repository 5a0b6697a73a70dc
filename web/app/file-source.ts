import type { PlacedFile } from 'densor/browser';
import { droppedEntries, filesIn } from './dropped-files.ts';
import { go } from './route.ts';
import { fileTrouble } from './runs.ts';

/** Shows logs of files: what reads them is fetched with the first. What goes wrong is said above the list of runs. */
export async function openLogs(files: readonly PlacedFile[] | Promise<readonly PlacedFile[]>): Promise<void> {
  try {
    const found = await files;
    await (await import('../logs/open-logs.ts')).openLogs(found);
  } catch (error) {
    fileTrouble.value = (error as Error).message;
    go({ screen: 'runs' });
  }
}

/** A log or the folder of a run may be dropped anywhere, but on what takes files for itself. */
export function listenToDrops(): void {
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault(); // Else the browser would leave the page and show the file.
    const entries = droppedEntries(event.dataTransfer);
    if (entries.length > 0) void openLogs(filesIn(entries));
  });
}
