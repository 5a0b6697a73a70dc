import type { Engine } from '../../src/engine/engine.ts';

/** An engine whose sessions cannot measure times. */
export async function withoutProfile(opening: Promise<Engine>): Promise<Engine> {
  const engine = await opening;
  return new Proxy(engine, {
    get(target, name) {
      if (name !== 'open') {
        const value = Reflect.get(target, name, target) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return async (...of: Parameters<Engine['open']>) => {
        const session = await target.open(...of);
        return {
          read: session.read.bind(session),
          write: session.write.bind(session),
          run: session.run.bind(session),
          close: session.close.bind(session),
        };
      };
    },
  });
}
