import type { PlacedFile } from 'densor/browser';
import { shownName } from '../app/format.ts';
import { go } from '../app/route.ts';
import { applyNews, fileRuns, fileTrouble, forgetView, summaryOf, viewOf } from '../app/runs.ts';
import { text } from '../text/text.ts';
import type { FromLogWorker } from './log-worker.ts';
import type { LogRead } from './read-log.ts';

/** Runs of a folder that are shown. */
const MOST_LOGS = 100;

const isLog = (path: string) => /\.jsonl$/i.test(path);

/** Shows the runs whose logs are among these files. What was opened stays until the page is closed. */
export async function openLogs(files: readonly PlacedFile[]): Promise<void> {
  fileTrouble.value = undefined;
  const all = files.filter(({ path }) => isLog(path));
  const logs = all.slice(0, MOST_LOGS);
  if (all.length > logs.length) fileTrouble.value = text().manyLogs(all.length, logs.length);
  if (logs.length === 0) {
    fileTrouble.value = text().noLog(shownName(files[0]?.path ?? ''));
    go({ screen: 'runs' });
    return;
  }
  const opened: string[] = [];
  for (const log of logs) {
    const id = await openLog(log);
    if (id !== undefined) opened.push(id);
  }
  if (opened.length === 1 && logs.length === 1) go({ screen: 'run', id: opened[0]!, tab: 'curves' });
  else go({ screen: 'runs' });
}

let opened = 0;

/** @returns the run; undefined if the file is no log, which is said. */
async function openLog({ path, file }: PlacedFile): Promise<string | undefined> {
  const id = `file-${++opened}`;
  try {
    const { hasEvents, ...read } = await readInWorker(id, file);
    if (!hasEvents) throw new Error(text().logWithoutEvents);
    const { phase } = viewOf(id);
    // A file does not grow: what is at work in it is not seen from here.
    if (phase !== 'done' && phase !== 'stopped' && phase !== 'failed')
      applyNews(id, { kind: 'phase', phase: 'lost' });
    fileRuns.value = [...fileRuns.value, { ...summaryOf(id, nameOf(path)), read, source: 'file' }];
    return id;
  } catch (error) {
    forgetView(id);
    fileTrouble.value = text().badFile(shownName(path), (error as Error).message);
    return undefined;
  }
}

function readInWorker(id: string, file: Blob): Promise<LogRead> {
  const worker = new Worker(new URL('./log-worker.ts', import.meta.url), { type: 'module' });
  const read = new Promise<LogRead>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<FromLogWorker>) => {
      if (data.kind === 'news') applyNews(id, data.news);
      else if (data.kind === 'end') resolve(data.read);
      else reject(new Error(data.message));
    };
    worker.onerror = ({ message }) =>
      reject(
        new Error(message || 'a part of this page could not be fetched: check the network and try again'),
      );
    worker.postMessage(file);
  });
  return read.finally(() => worker.terminate());
}

/** A log is named after its folder, as in the list of a server; one that has a name of its own keeps it. */
function nameOf(path: string): string {
  const parts = path.split('/');
  const folder = parts.at(-2);
  return parts.at(-1) === 'log.jsonl' && folder ? folder : parts.at(-1)!;
}
