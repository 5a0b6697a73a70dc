/** For the end of a switch over a union, so that missing cases are compile errors. */
export function assertNever(value: never): never {
  throw new TypeError(`unhandled case: ${JSON.stringify(value)}`);
}
