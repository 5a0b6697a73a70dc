/** Not even the smallest plan fits: says how many bytes that one takes. */
export class MemoryLimitError extends Error {
  override readonly name = 'MemoryLimitError';
  /** What the plans were allowed, in bytes. */
  readonly budgetBytes: number;
  /** What the smallest plan takes. */
  readonly leastBytes: number;

  constructor(budgetBytes: number, leastBytes: number) {
    super(`the smallest plan takes ${leastBytes} bytes, ${budgetBytes} are allowed`);
    this.budgetBytes = budgetBytes;
    this.leastBytes = leastBytes;
  }
}
