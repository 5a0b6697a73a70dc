import type { FromWorker, RequestKind, Requests, ToWorker } from './messages.ts';

/** The worker could not do what was asked; `setting` names the field of the form that is wrong. */
export class LabError extends Error {
  readonly setting: string | undefined;
  constructor(message: string, setting: string | undefined) {
    super(message);
    this.setting = setting;
  }
}

type OnProgress = (done: number, total: number) => void;

interface Waiting {
  readonly onProgress: OnProgress | undefined;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

let worker: Worker | undefined;
let requests = 0;
const waiting = new Map<number, Waiting>();

function started(): Worker {
  if (worker) return worker;
  worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
    const who = waiting.get(data.request);
    if (data.kind === 'progress') return who?.onProgress?.(data.done, data.total);
    waiting.delete(data.request);
    if (data.kind === 'answer') who?.resolve(data.answer);
    else who?.reject(new LabError(data.message, data.setting));
  };
  worker.onerror = (event) => {
    if (!event.message) worker = undefined; // Its script could not be fetched: the next question tries again.
    for (const { reject } of waiting.values())
      reject(
        new LabError(
          event.message || 'a part of this page could not be fetched: check the network and try again',
          undefined,
        ),
      );
    waiting.clear();
  };
  return worker;
}

/** Asks the worker, which is started when it is first asked. @throws LabError */
export function askLab<Kind extends RequestKind>(
  kind: Kind,
  ask: Requests[Kind]['ask'],
  onProgress?: OnProgress,
): Promise<Requests[Kind]['answer']> {
  const request = ++requests;
  return new Promise((resolve, reject) => {
    waiting.set(request, { resolve: resolve as (answer: unknown) => void, reject, onProgress });
    started().postMessage({ kind, request, ask } as ToWorker);
  });
}
