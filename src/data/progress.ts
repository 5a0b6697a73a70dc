/** Callbacks for the progress of opening a data set. */
export interface DataProgress {
  note(text: string): void;
  bytes(file: string, received: number, total: number): void;
  /** Image files read. */
  images?(done: number, total: number): void;
}
