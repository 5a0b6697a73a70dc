import { label, printable, printableJson } from '../tensor/printable.ts';

/** Longer lines are truncated. */
const LONGEST_LINE = 4000;
/** Moves to the start of the line and erases to the end of the screen. */
const ERASE = '\r\x1b[J';
const [NO_WRAP, WRAP] = ['\x1b[?7l', '\x1b[?7h'];

/** A status line, which is redrawn in place below all other output. */
interface Status {
  draw(): void;
  close(): void;
}

/** The current status line. */
let live: Status | undefined;
let watchesExit = false;

/** Prints lines on stderr. On a terminal the status line is erased first and drawn again below. */
export function say(lines: string | readonly string[]): void {
  // Erases also without a status line, because the terminal echoes `^C` at the start of the line.
  write(`${process.stderr.isTTY ? ERASE : ''}${textOf(lines)}`);
  live?.draw();
}

/** Prints results on stdout. */
export function print(lines: readonly string[]): void {
  process.stdout.write(textOf(lines));
}

/** Prints a result as one line of JSON. */
export function printJson(value: unknown): void {
  process.stdout.write(`${printableJson(value)}\n`);
}

/** Joins lines, with control characters escaped, because they may contain names, paths and foreign messages. */
function textOf(lines: string | readonly string[]): string {
  return [lines]
    .flat()
    .map((line) => `${label(line, LONGEST_LINE)}\n`)
    .join('');
}

/** Sets the status line, which `say` redraws after each line. Closes the previous one. */
export function beginStatus(status: Status): void {
  closeStatus();
  live = status;
  if (watchesExit) return;
  watchesExit = true;
  process.on('exit', () => closeStatus()); // For the second Ctrl-C.
  process.on('uncaughtExceptionMonitor', () => closeStatus()); // Node prints the error next.
}

/** Closes a status line; default: the current one. Has no effect if it is closed. */
export function closeStatus(status: Status | undefined = live): void {
  if (!live || status !== live) return;
  const closed = live;
  live = undefined;
  closed.close();
}

/**
 * Draws the status line with wrapping disabled, because the terminal may have become narrower. The cursor is left
 * at the start of the line, so that the next erase starts at the first row even if the terminal rewraps its
 * contents.
 */
export function drawStatusLine(text: string): void {
  write(`${ERASE}${NO_WRAP}${printable(text)}${WRAP}\r`);
}

export function eraseStatusLine(): void {
  write(ERASE);
}

/** Columns of the terminal; 80 if unknown. */
export function terminalColumns(): number {
  return process.stderr.columns || 80;
}

/** Writes to stderr; errors (closed terminal, full disk) are ignored, because this is only progress. */
function write(text: string): void {
  try {
    process.stderr.write(text);
  } catch {
    // Some streams throw instead of emitting `error`.
  }
}
