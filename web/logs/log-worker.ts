/** Reads a log beside the page's thread, which draws. */
import type { RunNews } from '../../src/live/protocol.ts';
import { type LogRead, readLog } from './read-log.ts';

export type FromLogWorker =
  | { readonly kind: 'news'; readonly news: RunNews }
  | { readonly kind: 'end'; readonly read: LogRead }
  | { readonly kind: 'failed'; readonly message: string };

const post = (message: FromLogWorker) => self.postMessage(message);

self.onmessage = async ({ data: file }: MessageEvent<Blob>) => {
  try {
    const read = await readLog(file, (news) => post({ kind: 'news', news }));
    post({ kind: 'end', read });
  } catch (error) {
    post({ kind: 'failed', message: (error as Error).message });
  }
};
