import { Worker } from 'node:worker_threads';
import { EngineError } from '../../engine.ts';
import { type FromWorker, kernelThread, type StartThreads, type StartWorker, workerMain } from './threads.ts';

/** Node workers. They keep the process alive only while a request is pending. */
export const startNodeThreads: StartThreads = (count) =>
  Promise.all(Array.from({ length: count }, () => kernelThread(startWorker)));

const startWorker: StartWorker = (receive, fail) => {
  const code = `const { parentPort } = require('node:worker_threads');
    (${workerMain})((handle) => parentPort.on('message', handle), (message) => parentPort.postMessage(message));`;
  const worker = new Worker(code, { eval: true, execArgv: [] }); // The worker would inherit `--input-type=module`.
  let unanswered = 0;
  worker.on('message', (message: FromWorker) => {
    unanswered--;
    if (unanswered === 0) worker.unref();
    receive(message);
  });
  worker.on('error', fail);
  worker.on('exit', () => fail(new EngineError('a thread of the engine has ended')));
  worker.unref(); // Adding a message listener calls `ref`.
  return {
    postMessage: (message) => {
      unanswered++;
      worker.ref();
      worker.postMessage(message);
    },
    terminate: () => worker.terminate(),
  };
};
