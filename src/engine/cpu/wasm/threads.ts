import { EngineError } from '../../engine.ts';
import type { PeakKernel } from '../session.ts';

/** What crosses to a worker. Memory is shared; everything else is a number. */
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
  /** Any other export; the answer carries what it returns. */
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

/** A thread that answers each message with one of its own. */
export interface KernelThread {
  /** Resolves to what a `call` returns, and to 0 for the others. @throws EngineError when it has ended, or ends meanwhile. */
  send(message: ToWorker): Promise<number>;
  end(): Promise<void>;
}

/** Starts so many threads. @throws EngineError when this machine, or this page, cannot have them. */
export type StartThreads = (count: number) => Promise<readonly KernelThread[]>;

/** A thread as whoever starts it sees it. */
export interface WorkerPort {
  postMessage(message: ToWorker): void;
  terminate(): unknown;
}

/** Starts a worker. @param receive told of each answer. @param fail told that no more will come. */
export type StartWorker = (
  receive: (message: FromWorker) => void,
  fail: (error: Error) => void,
) => Promise<WorkerPort> | WorkerPort;

/**
 * The whole of a worker. It is shipped as text (it runs alike in Node, in a browser and inside any bundle), so it
 * may use nothing from outside itself.
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

/** The thread of a worker, which answers in the order in which it is asked, by whichever session. */
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
