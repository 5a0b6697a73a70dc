/** The file system ended a run that has a checkpoint. */
export class CutShortError extends Error {
  override readonly name = 'CutShortError';
  readonly resume: string;

  /** @param resume the command that continues the run. */
  constructor(cause: unknown, resume: string) {
    super((cause as Error).message, { cause });
    this.resume = resume;
  }
}
