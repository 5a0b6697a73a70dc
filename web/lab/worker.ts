/** Trains runs of this browser. One at a time: all tabs hear of it. */
import {
  type Explanation,
  loadRun,
  type PageFitOptions,
  type PageNetwork,
  PauseGate,
  type TrainEvent,
  type TrainTest,
  fit as trainNetwork,
} from 'densor/browser';
import { encodeSteps, StepCollector } from '../../src/live/log-reader.ts';
import type { Command, Phase, RunNews } from '../../src/live/protocol.ts';
import { openSample, openSource } from './data.ts';
import { greyMaps } from './grey-maps.ts';
import { labForm, parseSettings } from './lab-form.ts';
import {
  CHANNEL,
  type ChannelMessage,
  type FromWorker,
  lockOf,
  type RequestKind,
  type Requests,
  type ToWorker,
} from './messages.ts';
import { deleteRun, RunFolder, storedLog } from './run-store.ts';

const CHECKPOINT_MS = 10_000;
const NEWS_MS = 250;

const channel = new BroadcastChannel(CHANNEL);
const base = new URL('..', self.location.href).href;

/** The run that is trained. */
class Training {
  readonly #folder: RunFolder;
  readonly pause = new PauseGate();
  readonly abort = new AbortController();
  readonly #steps = new StepCollector();
  #toldAt = 0;

  constructor(folder: RunFolder) {
    this.#folder = folder;
  }

  get id(): string {
    return this.#folder.run.id;
  }

  /** Writes an event into the log, and tells the tabs: steps a few times a second. */
  readonly onEvent = (event: TrainEvent): void => {
    if (event.kind === 'evaluating') {
      if (performance.now() - this.#toldAt > NEWS_MS) this.tell({ kind: 'event', event });
      return;
    }
    const time = new Date().toISOString();
    this.#folder.appendLog(new TextEncoder().encode(`${JSON.stringify({ time, ...event })}\n`));
    if (event.kind === 'step') {
      const finished = this.#steps.add(event);
      if (finished) this.tell(encodeSteps(finished));
      if (performance.now() - this.#toldAt > NEWS_MS) this.tellSteps();
      return;
    }
    this.tellSteps();
    this.tell({ kind: 'event', event, time });
  };

  tellSteps(): void {
    const steps = this.#steps.take();
    if (steps) this.tell(encodeSteps(steps));
  }

  tellPhase(phase: Phase, message?: string): void {
    this.tell({ kind: 'phase', phase, ...(message !== undefined && { message }) });
  }

  tell(news: RunNews): void {
    this.#toldAt = performance.now();
    post({ kind: 'news', run: this.id, seq: this.#folder.logBytes, news });
  }

  readLog(): Uint8Array {
    return this.#folder.readLog();
  }

  obey({ kind }: Command): void {
    if (kind === 'stop') return this.abort.abort();
    if (kind === 'pause') this.pause.pause();
    else this.pause.resume();
    this.tellSteps();
    this.tellPhase(kind === 'pause' ? 'paused' : 'running');
  }

  tellAll(): void {
    this.tellSteps();
    const log = this.readLog();
    post({ kind: 'log', run: this.id, seq: log.length, log });
    if (this.pause.isPaused) this.tellPhase('paused');
  }
}

let training: Training | undefined;
/** The network that was asked last. */
let opened: Opened | undefined;

interface Opened {
  readonly id: string;
  /** Length of the log when its checkpoint was saved; undefined: it was given by the page. */
  readonly bytes: number | undefined;
  readonly network: PageNetwork;
  /** The images that it was trained on, when they are first needed. */
  data?: Promise<TrainTest> | undefined;
}

/** The feature maps of the image that was explained last. */
let explained: Explanation | undefined;

function post(message: ChannelMessage): void {
  channel.postMessage(message);
  // A channel does not tell its own page's tab apart: the page hears it as all others do.
}

channel.onmessage = ({ data }: MessageEvent<ChannelMessage>) => {
  if (data.kind === 'tell' && data.run === training?.id) training.tellAll();
  if (data.kind === 'command' && data.run === training?.id) training.obey(data.command);
};

const HANDLERS: {
  readonly [Kind in RequestKind]: (
    ask: Requests[Kind]['ask'],
    onProgress: (done: number, total: number) => void,
  ) => Promise<Requests[Kind]['answer']>;
} = {
  async describe() {
    return labForm();
  },
  async train({ id, name, source, model, settings }) {
    requireIdle();
    const parsed = parseSettings(settings);
    const data = await openSource(source, parsed, base);
    const createdAt = new Date().toISOString();
    try {
      const folder = await RunFolder.create({ id, name, model, source: source.kind, createdAt });
      if (source.kind === 'files') await folder.saveData(data);
      await begin(folder, data, { options: parsed, logBytes: 0 });
    } catch (error) {
      await deleteRun(id).catch(() => {}); // Nothing was trained: there is nothing to keep.
      post({ kind: 'changed' });
      throw error;
    }
    return {};
  },
  async resume({ id }) {
    requireIdle();
    const folder = await RunFolder.open(id);
    const last = await folder.loadCheckpoint('last');
    if (!last) throw new Error('nothing of this run was saved that it could go on from');
    const data = await dataOf(folder);
    const best = await folder.loadCheckpoint('best');
    const resume = await loadRun(last.bytes);
    const bestNetwork = best && (await loadRun(best.bytes));
    if (bestNetwork) Object.assign(resume, { bestCheckpoint: () => bestNetwork.trained.checkpoint });
    // The same engine goes on with the same bits.
    const wasOnGpu = resume.trained.checkpoint.run.engine === 'webgpu';
    const engine = wasOnGpu && (await hasGpu()) ? 'webgpu' : 'wasm';
    await begin(folder, data, { options: { resume, engine }, logBytes: last.logBytes });
    if (wasOnGpu && engine === 'wasm')
      training?.tellPhase('running', 'there is no GPU any more: the processor goes on, more slowly');
    return {};
  },
  async open({ id, bytes }) {
    await use({ id, bytes: undefined, network: await loadRun(bytes) });
    return {};
  },
  async explain({ id, image }) {
    const { network } = await openedOf(id);
    explained = await network.explain(image);
    const { predictions, logits, bias, classMaps, blocks, image: seen } = explained;
    const sizes = blocks.map(({ data: _, ...size }) => size);
    const { classNames } = network;
    return { predictions, logits, bias, classMaps, classNames, image: seen, blocks: sizes };
  },
  async maps({ block, first, count }) {
    const found = explained?.blocks[block - 1];
    return found ? greyMaps(found, first, count) : [];
  },
  async nearest({ id, image }, onProgress) {
    const asked = await openedOf(id);
    asked.data ??= asked.bytes === undefined ? openSample(base) : RunFolder.open(id).then(dataOf);
    const data = await asked.data.catch((error) => {
      asked.data = undefined; // The next question tries again.
      throw error;
    });
    return { neighbours: await asked.network.nearest(image, data, { onProgress }) };
  },
  async predict({ id, image }) {
    const { network } = await openedOf(id);
    return { predictions: await network.predict(image) };
  },
  async export({ id, what }) {
    if (what !== 'zip') {
      const { network } = await openedOf(id);
      const bytes = what === 'onnx' ? await network.exportOnnx() : await network.exportSafetensors();
      return { bytes, name: what === 'onnx' ? 'densor.onnx' : 'densor.safetensors' };
    }
    const folder = await RunFolder.open(id);
    const last = await folder.loadCheckpoint('last');
    if (!last) throw new Error('nothing of this run was saved yet');
    const best = await folder.loadCheckpoint('best');
    const log = training?.id === id ? training.readLog() : await storedLog(id);
    const data = folder.run.source === 'files' ? await folder.loadData() : undefined;
    const { handOverZip } = await import('./hand-over.ts');
    const bytes = await handOverZip({
      ...{ last: last.bytes, best: best?.bytes, data },
      log: log.subarray(0, last.logBytes),
    });
    return { bytes, name: 'densor-run.zip' };
  },
};

async function hasGpu(): Promise<boolean> {
  const { gpu } = navigator as { readonly gpu?: { requestAdapter(): Promise<object | null> } };
  return Boolean(await gpu?.requestAdapter());
}

function dataOf(folder: RunFolder): Promise<TrainTest> {
  return folder.run.source === 'sample' ? openSample(base) : folder.loadData();
}

/** @throws Error while another run is trained: they would share the processors. */
function requireIdle(): void {
  if (training) throw new Error('another run is being trained in this browser: stop it first');
}

/**
 * Starts the training, and answers when it is under way; what happens later the tabs are told.
 * @param logBytes of the log that are kept.
 */
async function begin(
  folder: RunFolder,
  data: TrainTest,
  { options, logBytes }: { readonly options: PageFitOptions; readonly logBytes: number },
): Promise<void> {
  const { id, model } = folder.run;
  if (opened?.bytes !== undefined) await use(undefined);
  await folder.openLog(logBytes);
  const started = new Training(folder);
  training = started;
  let ended = Promise.resolve();
  const begun = new Promise<void>((resolve, reject) => {
    const work = navigator.locks.request(lockOf(id), { ifAvailable: true }, async (lock) => {
      if (!lock) throw new Error('another tab trains this run: this one watches');
      const network = await trainNetwork(model, data, {
        ...options,
        signal: started.abort.signal,
        pause: started.pause,
        checkpointEveryMs: CHECKPOINT_MS,
        onCheckpoint: async (which, bytes) => folder.saveCheckpoint(which, await bytes()),
        onEvent: (event) => {
          started.onEvent(event);
          if (event.kind !== 'start') return;
          post({ kind: 'changed' });
          resolve();
        },
      });
      await network.close();
    });
    ended = work
      .catch((error: Error) => {
        reject(error);
        started.tellSteps();
        started.tellPhase('failed', error.message);
      })
      .finally(() => {
        folder.closeLog();
        if (training === started) training = undefined;
        post({ kind: 'changed' });
      });
  });
  try {
    await begun;
  } catch (error) {
    await ended;
    throw error;
  }
}

async function use(next: Opened | undefined): Promise<void> {
  const before = opened;
  opened = next;
  await before?.network.close();
}

/** The network of a run: given by the page, or of its latest checkpoint. */
async function openedOf(id: string): Promise<Opened> {
  if (opened?.id === id && opened.bytes === undefined) return opened;
  const folder = await RunFolder.open(id);
  const stored = (await folder.loadCheckpoint('best')) ?? (await folder.loadCheckpoint('last'));
  if (!stored) throw new Error('nothing of this run was saved yet');
  if (opened?.id === id && opened.bytes === stored.logBytes) return opened;
  const found: Opened = { id, bytes: stored.logBytes, network: await loadRun(stored.bytes) };
  await use(found);
  return found;
}

self.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
  const { kind, request, ask } = data;
  const answer = (message: FromWorker) => self.postMessage(message);
  try {
    const onProgress = (done: number, total: number) => answer({ kind: 'progress', request, done, total });
    answer({ kind: 'answer', request, answer: await HANDLERS[kind](ask as never, onProgress) });
  } catch (error) {
    const { message, setting } = error as Error & { readonly setting?: string };
    answer({ kind: 'failed', request, message, ...(setting !== undefined && { setting }) });
  }
};
