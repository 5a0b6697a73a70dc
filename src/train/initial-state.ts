import { averagedName, type Compiled } from '../compile.ts';
import type { Session } from '../engine/engine.ts';
import { initialNumbers } from '../model/initialize.ts';
import { elementCount } from '../tensor/shape.ts';
import type { StateNumbers } from './checkpoint.ts';

const ZEROS = { kind: 'constant', value: 0 } as const;

/** Fills a session's state: with the numbers that were stored or, where there are none, with the seed's. */
export function loadState(session: Session, compiled: Compiled, seed: number, stored?: StateNumbers): void {
  for (const [name, { shape }] of compiled.network.state) {
    // An average starts as what it is of; whatever else an optimiser remembers, as zeros.
    const from = averagedName(name) ?? name;
    const initializer = compiled.initializers.get(from) ?? ZEROS;
    session.write(
      name,
      stored?.get(name) ?? stored?.get(from) ?? initialNumbers(seed, from, elementCount(shape), initializer),
    );
  }
}
