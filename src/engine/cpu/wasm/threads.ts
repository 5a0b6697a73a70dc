import { EngineError } from '../../engine.ts';
import type { PeakKernel } from '../session.ts';

/** Messages to a worker. Memory is shared; everything else is a number. */
export type ToWorker =
  | {
      readonly kind: 'open';
      readonly session: number;
      readonly module: WebAssembly.Module;
      readonly memory: WebAssembly.Memory;
      readonly stackTop: number;
    }
  /** Arguments of the kernels' `run` (kernels/bindings/wasm.cpp). */
  | { readonly kind: 'run'; readonly session: number; readonly args: readonly number[] }
  /** Any other export; the reply has its return value. */
  | {
      readonly kind: 'call';
      readonly session: number;
      readonly kernel: PeakKernel;
      readonly args: readonly number[];
    }
  | { readonly kind: 'close'; readonly session: number };

export type FromWorker =
  | { readonly kind: 'done'; readonly result: number }
  | { readonly kind: 'failed'; readonly message: string };

/** A thread that replies to each message. */
export interface KernelThread {
  /**
   * Resolves to the return value of a `call`, and to 0 for the others. @throws EngineError when the thread has ended,
   * or ends before its reply.
   */
  send(message: ToWorker): Promise<number>;
  end(): Promise<void>;
}

/** Starts `count` threads. @throws EngineError when this machine, or this page, cannot have them. */
export type StartThreads = (count: number) => Promise<readonly KernelThread[]>;

/** The thread of a worker, from the side of its owner. */
export interface WorkerPort {
  postMessage(message: ToWorker): void;
  terminate(): unknown;
}

/** Starts a worker. @param receive called with each reply. @param fail called when there will be no more replies. */
export type StartWorker = (
  receive: (message: FromWorker) => void,
  fail: (error: Error) => void,
) => Promise<WorkerPort> | WorkerPort;

/**
 * The complete code of a worker. It is sent as text (so that it runs in Node, in a browser and inside any bundle), so
 * it must not use anything from outside its body.
 */
export function workerMain(
  listen: (handle: (message: ToWorker) => void) => void,
  reply: (message: FromWorker) => void,
): void {
  const instances = new Map<number, WebAssembly.Instance>();
  listen((message) => {
    try {
      let result = 0;
      if (message.kind === 'open') {
        const env = { memory: message.memory, now: () => performance.now() };
        const instance = new WebAssembly.Instance(message.module, { env });
        (instance.exports.__stack_pointer as WebAssembly.Global).value = message.stackTop;
        instances.set(message.session, instance);
      } else if (message.kind === 'run') {
        const { exports } = instances.get(message.session)!;
        (exports.run as (...args: readonly number[]) => void)(...message.args);
      } else if (message.kind === 'call') {
        const { exports } = instances.get(message.session)!;
        result = (exports[message.kernel] as (...args: readonly number[]) => number)(...message.args);
      } else instances.delete(message.session);
      reply({ kind: 'done', result });
    } catch (error) {
      reply({ kind: 'failed', message: String(error) });
    }
  });
}

/** The thread of a worker, which replies in the order of the requests of all sessions. */
export async function kernelThread(start: StartWorker): Promise<KernelThread> {
  const asked: { resolve: (result: number) => void; reject: (error: Error) => void }[] = [];
  let ended: Error | undefined;
  const receive = (message: FromWorker) => {
    const first = asked.shift();
    if (message.kind === 'done') first?.resolve(message.result);
    else first?.reject(new EngineError(`a kernel failed: ${message.message}`));
  };
  const endWith = (error: Error) => {
    ended ??= error;
    for (const { reject } of asked.splice(0)) reject(ended);
  };
  const worker = await start(receive, endWith);
  return {
    send: (message) =>
      new Promise((resolve, reject) => {
        if (ended) return reject(ended);
        asked.push({ resolve, reject });
        worker.postMessage(message);
      }),
    end: async () => {
      endWith(new EngineError('the engine is closed'));
      await worker.terminate();
    },
  };
}
