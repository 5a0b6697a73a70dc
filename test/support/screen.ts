const ESC = '\x1b';
/** An escape sequence, a control character or a printed one. */
const TOKEN = new RegExp(`${ESC}\\[([?\\d;]*)([A-Za-z])|${ESC}([78])|[\\r\\n]|\\P{Cc}`, 'uy');

interface Row {
  text: string;
  /** Whether the line continues in the next row. */
  wrapped: boolean;
}

/** A minimal terminal emulator: interprets output, and returns the visible text. */
export class Screen {
  readonly columns: number;
  readonly height: number;
  #rows: Row[] = [{ text: '', wrapped: false }];
  #row = 0;
  #column = 0;
  #saved: readonly [row: number, column: number] = [0, 0];
  #wraps = true;
  #pending = '';

  constructor(columns: number, height = 24) {
    this.columns = columns;
    this.height = height;
  }

  write(output: string): void {
    const text = this.#pending + output;
    TOKEN.lastIndex = 0;
    let at = 0;
    for (let token = TOKEN.exec(text); token; token = TOKEN.exec(text)) {
      at = TOKEN.lastIndex;
      this.#apply(token);
    }
    this.#pending = text.slice(at); // An incomplete escape sequence.
  }

  /** All rows, including those scrolled off, without trailing empty ones. */
  rows(): readonly string[] {
    return withoutEmptyEnd(this.#rows.map(({ text }) => text.trimEnd()));
  }

  /** The same with wrapped rows joined to lines. */
  lines(): readonly string[] {
    const lines: string[] = [];
    let start = '';
    for (const { text, wrapped } of this.#rows) {
      if (!wrapped) lines.push((start + text).trimEnd());
      start = wrapped ? start + text : '';
    }
    return withoutEmptyEnd(lines);
  }

  #apply([token, argument = '', command, saveOrRestore]: RegExpExecArray): void {
    const count = Number(argument) || 1;
    if (saveOrRestore === '7') this.#saved = [this.#row - this.#top(), this.#column];
    else if (saveOrRestore === '8') this.#moveTo(this.#top() + this.#saved[0], this.#saved[1]);
    else if (token === '\r') this.#column = 0;
    else if (token === '\n') this.#moveTo(this.#row + 1, this.#column);
    else if (command === undefined) this.#put(token);
    else if (argument === '?7') this.#wraps = command === 'h';
    else if (command === 'A') this.#moveTo(Math.max(this.#top(), this.#row - count), this.#column);
    else if (command === 'G') this.#column = count - 1;
    else if (command === 'K' || command === 'J') this.#erase(command, argument);
    else if (command !== 'm' && argument[0] !== '?')
      throw new Error(`unknown escape sequence ${JSON.stringify(token)}`);
  }

  #erase(command: string, argument: string): void {
    const row = this.#rows[this.#row]!;
    if (argument === '2') row.text = '';
    else row.text = row.text.slice(0, Math.min(this.#column, this.columns - 1));
    row.wrapped = false;
    if (command === 'J') this.#rows.length = this.#row + 1;
  }

  #put(character: string): void {
    if (this.#column >= this.columns) {
      if (this.#wraps) {
        this.#rows[this.#row]!.wrapped = true;
        this.#moveTo(this.#row + 1, 0);
      } else this.#column = this.columns - 1;
    }
    const row = this.#rows[this.#row]!;
    row.text =
      row.text.padEnd(this.#column).slice(0, this.#column) + character + row.text.slice(this.#column + 1);
    this.#column++;
  }

  /** Index of the first visible row. */
  #top(): number {
    return Math.max(0, this.#rows.length - this.height);
  }

  #moveTo(row: number, column: number): void {
    while (this.#rows.length <= row) this.#rows.push({ text: '', wrapped: false });
    [this.#row, this.#column] = [row, column];
  }
}

function withoutEmptyEnd(rows: readonly string[]): readonly string[] {
  return rows.slice(0, rows.findLastIndex((row) => row !== '') + 1);
}
