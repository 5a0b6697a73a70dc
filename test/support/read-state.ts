import type { Session } from '../../src/engine/engine.ts';
import { bitsOfAll } from './floats.ts';

/** Copies of tensors of a session, by name. */
export async function readState(
  session: Session,
  names: Iterable<string>,
): Promise<Map<string, Float32Array | Float64Array>> {
  const read = new Map<string, Float32Array | Float64Array>();
  for (const name of names) read.set(name, await session.read(name));
  return read;
}

/** Hashes of their bits, which include NaN and the sign of zero. */
export async function readBits(
  session: Session,
  names: Iterable<string>,
): Promise<ReadonlyMap<string, string>> {
  return bitsOfAll(await readState(session, names));
}
