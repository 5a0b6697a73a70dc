import type { Below } from '../random.ts';

/** A kind of file that comes from outside: how hostile ones are made, and how the product reads them. */
export interface Format {
  make(below: Below): Uint8Array;
  /** Reads all of it; resolves to what a command would print of it. */
  read(bytes: Uint8Array): Promise<string>;
}
