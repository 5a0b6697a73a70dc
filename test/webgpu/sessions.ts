import type { Engine, Input, Session } from '../../src/engine/engine.ts';
import { isSource } from '../../src/engine/engine.ts';

/** An engine that stays open, and whose sessions are replaced. */
export function withSessions(engine: Engine, replace: (session: Session) => Session = (s) => s): Engine {
  const { name, isa, threads, target, maxTotalBytes } = engine;
  return {
    ...{ name, isa, threads, target, maxTotalBytes },
    open: async (network) => replace(await engine.open(network)),
    close: async () => {},
  };
}

/** The same numbers as float32, without their bytes. */
export function withoutBytes(input: Input): Input {
  if (!isSource(input)) return input;
  return { length: input.length, copyTo: (to, at) => input.copyTo(to, at) };
}

/** A session of one run at a time, whose images are float32. */
export function plainSession(session: Session): Session {
  return {
    read: (name) => session.read(name),
    write: (name, numbers) => session.write(name, numbers),
    run: (program, inputs, scalars) => {
      const plain = Object.entries(inputs).map(([name, input]) => [name, withoutBytes(input)] as const);
      return session.run(program, Object.fromEntries(plain), scalars);
    },
    close: () => session.close(),
  };
}

/** A session that reports the number of its unfinished runs whenever one is added. */
export function watchedSession(session: Session, onRun: (unfinished: number) => void): Session {
  let unfinished = 0;
  return {
    runsAtOnce: session.runsAtOnce!,
    read: (name) => session.read(name),
    write: (name, numbers) => session.write(name, numbers),
    run: async (...of) => {
      onRun(++unfinished);
      try {
        return await session.run(...of);
      } finally {
        unfinished--;
      }
    },
    close: () => session.close(),
  };
}
