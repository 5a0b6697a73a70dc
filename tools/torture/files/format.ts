import type { Below } from '../random.ts';

/** A file format: generates hostile files, and reads them with Densor. */
export interface Format {
  make(below: Below): Uint8Array;
  /** Reads the whole file; resolves to the text that a command would print. */
  read(bytes: Uint8Array): Promise<string>;
}
