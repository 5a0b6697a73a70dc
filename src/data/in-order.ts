/** Works on a few items at once; gives them with their results in their order. */
export async function* inOrder<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<readonly [T, R]> {
  const running: Promise<R>[] = [];
  for (let i = 0; i < items.length; i++) {
    while (running.length < atOnce && i + running.length < items.length) {
      const promise = work(items[i + running.length]!);
      promise.catch(() => {}); // Thrown when its turn comes.
      running.push(promise);
    }
    yield [items[i]!, await running.shift()!] as const;
  }
}
