/** Limits the total memory of concurrent jobs: a job starts when it fits into the remaining budget. */
export interface ByteBudget {
  readonly bytes: number;
  /** Runs a job that needs `bytes`, in order of arrival. A job larger than the budget runs alone. */
  within<T>(bytes: number, work: () => Promise<T>): Promise<T>;
}

export function byteBudget(bytes: number): ByteBudget {
  const waiting: { readonly bytes: number; readonly begin: () => void }[] = [];
  let taken = 0;
  const admit = () => {
    while (waiting[0] && (taken === 0 || taken + waiting[0].bytes <= bytes)) {
      const next = waiting.shift()!;
      taken += next.bytes;
      next.begin();
    }
  };
  return {
    bytes,
    async within(wanted, work) {
      await new Promise<void>((begin) => {
        waiting.push({ bytes: wanted, begin });
        admit();
      });
      try {
        return await work();
      } finally {
        taken -= wanted;
        admit();
      }
    },
  };
}
