import { averagedName, type Compiled } from '../compile.ts';
import type { Session } from '../engine/engine.ts';
import { initialNumbers } from '../model/initialize.ts';
import { elementCount } from '../tensor/shape.ts';
import type { StateNumbers } from './checkpoint.ts';

const ZEROS = { kind: 'constant', value: 0 } as const;

/** Sets a session's state to the stored tensors or, where there are none, to the initial values for the seed. */
export function loadState(session: Session, compiled: Compiled, seed: number, stored?: StateNumbers): void {
  for (const [name, { shape }] of compiled.network.state) {
    // An average starts as a copy of its tensor; other optimiser state as zeros.
    const from = averagedName(name) ?? name;
    const initializer = compiled.initializers.get(from) ?? ZEROS;
    session.write(
      name,
      stored?.get(name) ?? stored?.get(from) ?? initialNumbers(seed, from, elementCount(shape), initializer),
    );
  }
}
