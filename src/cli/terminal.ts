import { printableLines } from '../tensor/printable.ts';

/** Start of the line, and everything from there to the end of the screen erased. */
const ERASE = '\r\x1b[J';
const [NO_WRAP, WRAP] = ['\x1b[?7l', '\x1b[?7h'];

/** A line that is redrawn in place, below everything that is printed. */
interface Status {
  draw(): void;
  close(): void;
}

/** The status line on the screen now. */
let live: Status | undefined;
let watchesExit = false;

/** Prints a line, or several, on stderr; names in it may come from files. On a terminal the status line is erased first and drawn again below. */
export function say(line: string): void {
  // Erased even where no status is live: the terminal echoes `^C` at the start of the line.
  write(`${process.stderr.isTTY ? ERASE : ''}${printableLines(line)}\n`);
  live?.draw();
}

/** Makes this the status line: `say` draws it again after each line. Closes the one before. */
export function beginStatus(status: Status): void {
  closeStatus();
  live = status;
  if (watchesExit) return;
  watchesExit = true;
  process.on('exit', () => closeStatus()); // The second Ctrl-C.
  process.on('uncaughtExceptionMonitor', () => closeStatus()); // Node prints the error next.
}

/** Closes this status line, or whichever is live. Does nothing where it is closed already. */
export function closeStatus(status: Status | undefined = live): void {
  if (!live || status !== live) return;
  const closed = live;
  live = undefined;
  closed.close();
}

/**
 * Draws the status line, without wrapping: a terminal may have become narrower since it told its width. The cursor
 * rests at the start: where a narrower terminal rewraps what it shows, the next erasure still finds the first row.
 */
export function drawStatusLine(text: string): void {
  write(`${ERASE}${NO_WRAP}${text}${WRAP}\r`);
}

export function eraseStatusLine(): void {
  write(ERASE);
}

/** Columns of the terminal; 80 where it does not tell. */
export function terminalColumns(): number {
  return process.stderr.columns || 80;
}

/** The terminal may be gone, or the disk behind a redirection full: progress is not worth an error. */
function write(text: string): void {
  try {
    process.stderr.write(text);
  } catch {
    // Some streams throw instead of emitting `error`.
  }
}
