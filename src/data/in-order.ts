/** Processes a few items concurrently; yields items and results in order. */
export async function* inOrder<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<readonly [T, R]> {
  const running: Promise<R>[] = [];
  for (let i = 0; i < items.length; i++) {
    while (running.length < atOnce && i + running.length < items.length) {
      const promise = work(items[i + running.length]!);
      promise.catch(() => {}); // The error is thrown when this item is yielded.
      running.push(promise);
    }
    yield [items[i]!, await running.shift()!] as const;
  }
}
