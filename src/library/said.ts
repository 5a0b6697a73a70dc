/** A short description of an invalid value, for messages. */
export function said(value: unknown): string {
  if (value === null || value === undefined) return `${value}`;
  if (typeof value === 'string') return `the text ${JSON.stringify(value.slice(0, 60))}`;
  if (typeof value === 'function') return 'a function';
  if (ArrayBuffer.isView(value) || Array.isArray(value)) {
    const { length = 0 } = value as ArrayLike<unknown>;
    return `${Array.isArray(value) ? 'an array' : value.constructor.name} of ${length}`;
  }
  if (typeof value !== 'object') return `${String(value)}`;
  const keys = Object.keys(value);
  const name = value.constructor?.name ?? 'Object';
  if (name !== 'Object') return `a ${name}`;
  return keys.length === 0 ? 'an empty object' : `an object with ${keys.slice(0, 6).join(', ')}`;
}
