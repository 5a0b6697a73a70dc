import type { Session } from '../../src/engine/engine.ts';

/** Copies of tensors of a session, by name. */
export async function readState(
  session: Session,
  names: Iterable<string>,
): Promise<Map<string, Float32Array | Float64Array>> {
  const read = new Map<string, Float32Array | Float64Array>();
  for (const name of names) read.set(name, await session.read(name));
  return read;
}

/** The same as bytes: NaN and the sign of zero count. */
export async function readBits(session: Session, names: Iterable<string>): Promise<Map<string, Buffer>> {
  const state = await readState(session, names);
  return new Map([...state].map(([name, { buffer }]) => [name, Buffer.from(buffer)]));
}
