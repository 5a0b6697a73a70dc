import { InputError } from './input-error.ts';
import { didYouMean } from './suggest.ts';

/** An invalid argument or option of a call. The message says what was given and what was expected. */
export class ArgumentError extends InputError {
  override readonly name = 'ArgumentError';
}

/** @throws ArgumentError unless it is an integer from `least` to `most`. */
export function requireWhole(what: string, given: unknown, least = 1, most = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(given) && (given as number) >= least && (given as number) <= most) return;
  const to = most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`;
  throw new ArgumentError(`${what} is ${shown(given)}: expected a whole number from ${least}${to}`);
}

/** @throws ArgumentError unless it is one of the names. */
export function requireOneOf(what: string, given: unknown, names: readonly string[]): void {
  if (names.includes(given as string)) return;
  const meant = typeof given === 'string' ? didYouMean(given, names) : '';
  throw new ArgumentError(`${what} is ${shown(given)}: expected ${alternatives(names)}${meant}`);
}

/** `a, b or c`. */
export function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** A value for a message: numbers and strings literally, for other values their type. */
export function shown(given: unknown): string {
  if (typeof given === 'string') return JSON.stringify(given);
  if (given === null || typeof given !== 'object') return String(given);
  const { length } = given as { readonly length?: unknown };
  const kind = given.constructor?.name ?? 'object';
  return typeof length === 'number'
    ? `${kind} of ${length}`
    : `${/^[AEIOU]/.test(kind) ? 'an' : 'a'} ${kind}`;
}
