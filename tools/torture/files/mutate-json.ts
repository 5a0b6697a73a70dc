import type { Below } from '../random.ts';
import { hostileText, NUMBERS, pick } from './hostile.ts';

type Json = unknown;

const DEPTHS = [3, 40, 2_000, 100_000];

/**
 * The JSON text of a value with a few changes that keep it valid: numbers that are too large, other types, hostile
 * names, entries that are missing, duplicated, swapped or nested; sometimes with duplicate keys or deeply nested
 * brackets.
 */
export function mutateJson(value: Json, below: Below): string {
  let changed = value;
  for (let changes = 1 + below(1 + below(4)); changes > 0; changes--)
    changed = changeSomewhere(changed, changed, below);
  const text = JSON.stringify(changed) ?? 'null';
  switch (below(12)) {
    case 0:
      return text.replace(/[{,]"[^"]*":/g, (key) => (below(3) === 0 ? `${key}null,${key.slice(1)}` : key));
    case 1: {
      const depth = pick(DEPTHS, below);
      const at = text.indexOf(pick([':', ',', '{', '['], below)) + 1;
      const [open, close] = pick(
        [
          ['[', ']'],
          ['{"a":', '}'],
        ],
        below,
      ) as [string, string];
      return `${text.slice(0, at)}${open.repeat(depth)}1${below(2) ? close.repeat(depth) : ''},${text.slice(at)}`;
    }
    case 2:
      return text.replace(/\d+/, () =>
        pick(['1e999', '-0', '00', '0x10', 'NaN', '9'.repeat(400), '1.'], below),
      );
    default:
      return text;
  }
}

function changeSomewhere(value: Json, root: Json, below: Below): Json {
  if (value === null || typeof value !== 'object' || below(4) === 0) return replacement(value, root, below);
  if (Array.isArray(value)) return changeArray(value, root, below);
  const entries = Object.entries(value);
  if (entries.length === 0) return replacement(value, root, below);
  const at = below(entries.length);
  const [key, child] = entries[at]!;
  switch (below(8)) {
    case 0:
      entries.splice(at, 1);
      break;
    case 1:
      entries.push([hostileText(below), child]);
      break;
    case 2:
      entries[at] = [hostileText(below), child];
      break;
    case 3: {
      const [otherKey, other] = pick(entries, below);
      entries[at] = [key, other];
      entries.push([`${otherKey}2`, child]);
      break;
    }
    default:
      entries[at] = [key, changeSomewhere(child, root, below)];
  }
  // Creates `__proto__` as an own key, as JSON.parse does.
  return Object.fromEntries(entries);
}

function changeArray(value: readonly Json[], root: Json, below: Below): Json {
  const items = [...value];
  const at = below(items.length + 1);
  switch (below(5)) {
    case 0:
      items.splice(at, 1);
      break;
    case 1:
      items.splice(at, 0, ...Array(1 + below(below(20) === 0 ? 20_000 : 4)).fill(items[at] ?? 1));
      break;
    default:
      if (items.length === 0) items.push(pick(NUMBERS, below));
      else items[at % items.length] = changeSomewhere(items[at % items.length], root, below);
  }
  return items;
}

function replacement(value: Json, root: Json, below: Below): Json {
  if (typeof value === 'number' && below(3) > 0) {
    return below(2) ? pick(NUMBERS, below) : value + pick([-1, 1, 8, 1024], below);
  }
  if (typeof value === 'string' && below(3) > 0) return below(2) ? hostileText(below) : value.slice(below(4));
  return pick(
    [null, true, {}, [], [value], { a: value }, root, hostileText(below), pick(NUMBERS, below)],
    below,
  );
}
