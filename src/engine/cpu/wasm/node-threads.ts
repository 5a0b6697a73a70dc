import { Worker } from 'node:worker_threads';
import { EngineError } from '../../engine.ts';
import { type FromWorker, kernelThread, type StartThreads, type StartWorker, workerMain } from './threads.ts';

/** Workers of Node. They keep a process alive while they are asked something, and not longer. */
export const startNodeThreads: StartThreads = (count) =>
  Promise.all(Array.from({ length: count }, () => kernelThread(startWorker)));

const startWorker: StartWorker = (receive, fail) => {
  const code = `const { parentPort } = require('node:worker_threads');
    (${workerMain})((handle) => parentPort.on('message', handle), (message) => parentPort.postMessage(message));`;
  const worker = new Worker(code, { eval: true, execArgv: [] }); // `--input-type=module` would be the worker's too.
  let unanswered = 0;
  worker.on('message', (message: FromWorker) => {
    unanswered--;
    if (unanswered === 0) worker.unref();
    receive(message);
  });
  worker.on('error', fail);
  worker.on('exit', () => fail(new EngineError('a thread of the engine has ended')));
  worker.unref(); // A listener of messages has made it count.
  return {
    postMessage: (message) => {
      unanswered++;
      worker.ref();
      worker.postMessage(message);
    },
    terminate: () => worker.terminate(),
  };
};
