/// <reference types="@webgpu/types" />
import { type Code, encode } from './code.ts';
import type { Staging } from './staging.ts';
import { SubmitBudget } from './submit-budget.ts';
import { copyOf, type Upload } from './uploads.ts';

/** A run to submit. */
export interface Submission {
  readonly code: Code;
  readonly upload: Upload;
  /** Called before the first part is submitted: writes everything that the run needs. */
  begin(upload: Upload): void;
  readonly staging: Staging;
}

/** Submits runs one behind the other. */
export class Submitter {
  readonly budget: SubmitBudget;
  readonly #device: GPUDevice;
  /** Number of runs of which parts are yet to be submitted, and the end of the latest. */
  #waiting = 0;
  #latest: Promise<unknown> | undefined;

  /** @param now a clock in milliseconds. */
  constructor(device: GPUDevice, now: () => number) {
    this.#device = device;
    this.budget = new SubmitBudget(now);
  }

  /**
   * Submits a run at once or, while parts of another are yet to be submitted, behind it with copies of its inputs.
   * Resolves to the bytes of its results.
   */
  async submit(run: Submission): Promise<readonly ArrayBuffer[]> {
    const behind = this.#latest;
    this.#waiting++;
    const submitted = this.#submit(behind ? { ...run, upload: copyOf(run.upload) } : run, behind);
    if (this.#waiting > 0) this.#latest = submitted;
    return (await submitted).results;
  }

  /** In parts that are short enough for the watchdogs of drivers; results are those of a single submit. */
  async #submit({ code, upload, begin, staging }: Submission, behind: Promise<unknown> | undefined) {
    try {
      if (behind) await behind;
      begin(upload);
      const { queue } = this.#device;
      for (const { first, last, isMeasured, seconds } of this.budget.parts(code.seconds)) {
        const start = this.budget.now();
        const commands = encode(this.#device, code, first, last, {
          ...(first === 0 && { before: upload.expand }),
          ...(last === code.seconds.length && { after: (encoder) => staging.copy(encoder) }),
        });
        queue.submit([commands]);
        if (!isMeasured) continue;
        await queue.onSubmittedWorkDone();
        this.budget.measured(seconds, this.budget.now() - start);
      }
      return { results: staging.read() };
    } finally {
      if (--this.#waiting === 0) this.#latest = undefined;
    }
  }
}
