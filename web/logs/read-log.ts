import { LogReader } from '../../src/live/log-reader.ts';
import type { RunNews } from '../../src/live/protocol.ts';

/** What was read of a log. */
export interface LogRead {
  /** Without any event the file is no log. */
  readonly hasEvents: boolean;
  /** Lines that are none, because they are damaged or come from elsewhere. */
  readonly skipped: number;
  /** Bytes that were read, where the log has more. */
  readonly cutAt: number | undefined;
}

/** More than five million steps. */
const MOST_BYTES = 2 * 2 ** 30;
const PIECE_BYTES = 2 ** 20;

/** Reads a log file in pieces. @param most bytes that are read; the rest is left out. */
export async function readLog(
  file: Blob,
  tell: (news: RunNews) => void,
  most = MOST_BYTES,
): Promise<LogRead> {
  const reader = new LogReader();
  let hasEvents = false;
  const read = (bytes: Uint8Array) => {
    for (const { news } of reader.read(bytes)) {
      hasEvents = true;
      tell(news);
    }
  };
  const end = Math.min(file.size, most);
  for (let at = 0; at < end; at += PIECE_BYTES)
    read(new Uint8Array(await file.slice(at, Math.min(at + PIECE_BYTES, end)).arrayBuffer()));
  // A last line without its newline counts where it is whole; a log that is cut ends somewhere within a line.
  if (end === file.size) read(new Uint8Array([NEWLINE]));
  return { hasEvents, skipped: reader.skipped, cutAt: end < file.size ? end : undefined };
}

const NEWLINE = 10;
