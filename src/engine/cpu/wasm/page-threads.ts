import { EngineError } from '../../engine.ts';
import {
  type FromWorker,
  kernelThread,
  type StartThreads,
  type StartWorker,
  type ToWorker,
  workerMain,
} from './threads.ts';

/**
 * Web Workers over shared memory, if the page is cross-origin isolated. Otherwise memory cannot be shared, and the
 * calling thread is the only one; it computes between its other tasks.
 * @throws EngineError when more threads are requested than the page can have.
 */
export const startPageThreads: StartThreads = async (count) => {
  if (isIsolated()) return Promise.all(Array.from({ length: count }, () => kernelThread(startWorker)));
  if (count > 1) throw new EngineError(`${count} threads share memory, and ${NOT_ISOLATED}; or use 1 thread`);
  return [await kernelThread(startInline)];
};

/** Most threads that a page can have. */
export function mostPageThreads(): number {
  return isIsolated() ? navigator.hardwareConcurrency : 1;
}

const NOT_ISOLATED =
  'this page is not isolated, so it cannot: serve it from https or localhost with the headers ' +
  '`Cross-Origin-Opener-Policy: same-origin` and `Cross-Origin-Embedder-Policy: require-corp`';

function isIsolated(): boolean {
  return globalThis.crossOriginIsolated === true;
}

const startWorker: StartWorker = (receive, fail) => {
  const code = `(${workerMain})((handle) => { onmessage = (event) => handle(event.data); }, (message) => postMessage(message));`;
  const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  const worker = new Worker(url);
  worker.onmessage = (event: MessageEvent<FromWorker>) => receive(event.data);
  worker.onerror = (event) => fail(new EngineError(`a thread of the engine has ended: ${event.message}`));
  URL.revokeObjectURL(url);
  return worker;
};

/** Each message is a separate task, so that the page can render and handle events in between. */
const startInline: StartWorker = (receive) => {
  const waiting: ToWorker[] = [];
  const { port1, port2 } = new MessageChannel();
  workerMain((handle) => {
    port1.onmessage = () => handle(waiting.shift()!);
  }, receive);
  return {
    postMessage: (message) => {
      waiting.push(message);
      port2.postMessage(undefined);
    },
    terminate: () => port1.close(),
  };
};
