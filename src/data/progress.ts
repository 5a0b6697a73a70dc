/** Callbacks for the progress of opening a data set. */
export interface DataProgress {
  /** Something to tell, in one line. */
  note(text: string): void;
  /** Bytes of a download received so far. */
  bytes(file: string, received: number, total: number): void;
  /** Image files read. */
  images?(done: number, total: number): void;
}
