/** The file system, or the loss of a device, ended a run that has a checkpoint. */
export class CutShortError extends Error {
  override readonly name = 'CutShortError';
  /** The folder of the run. */
  readonly folder: string;
  /** The command that continues the run. */
  readonly resume: string;

  constructor(cause: unknown, run: { readonly folder: string; readonly resume: string }) {
    super((cause as Error).message, { cause });
    this.folder = run.folder;
    this.resume = run.resume;
  }
}
