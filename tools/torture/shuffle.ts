import type { Below } from './random.ts';

/** The items in random order (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], below: Below): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
