/** Even the smallest plan exceeds the limit; the message has its size in bytes. */
export class MemoryLimitError extends Error {
  override readonly name = 'MemoryLimitError';
  /** The memory limit in bytes. */
  readonly budgetBytes: number;
  /** Size of the smallest plan in bytes. */
  readonly leastBytes: number;

  constructor(budgetBytes: number, leastBytes: number) {
    super(`the smallest plan takes ${leastBytes} bytes, the limit is ${budgetBytes}`);
    this.budgetBytes = budgetBytes;
    this.leastBytes = leastBytes;
  }
}
