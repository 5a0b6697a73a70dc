import type { FileHandle } from 'node:fs/promises';
import { knownEvent } from '../live/known-event.ts';
import type { OtherEvent, Phase, RunSummary, StepEvent } from '../live/protocol.ts';
import { isAtWork } from '../node/folder-lock.ts';
import type { RunFiles, RunPlace } from './run-files.ts';

const PIECE_BYTES = 2 ** 20;
/** A line that matters here is shorter: others are passed over. */
const LONGEST_LINE = 2 ** 16;
/** Lines that a summary is made of. Steps are not parsed: only the last one is. */
const WANTED = ['start', 'epoch', 'stopped', 'end'].map((kind) => Buffer.from(`"kind":"${kind}"`));
const STEP = Buffer.from('"kind":"step"');
const [NEWLINE] = Buffer.from('\n');

interface Known {
  start?: Extract<OtherEvent, { kind: 'start' }>;
  epoch?: Extract<OtherEvent, { kind: 'epoch' }>;
  step?: StepEvent;
  /** How the run ended, as far as the log says. */
  end?: 'done' | 'stopped' | 'failed';
  best?: number;
}

/** What a list of runs says of each, read from the logs as they grow. */
export class LogScans {
  readonly #files: RunFiles;
  readonly #scans = new Map<string, LogScan>();

  constructor(files: RunFiles) {
    this.#files = files;
  }

  async summaries(): Promise<readonly RunSummary[]> {
    const places = await this.#files.list();
    const ids = new Set(places.map(({ id }) => id));
    for (const id of this.#scans.keys()) if (!ids.has(id)) this.#scans.delete(id);
    const all: RunSummary[] = [];
    for (const place of places) all.push(await this.summaryOf(place));
    return all;
  }

  async summaryOf(place: RunPlace): Promise<RunSummary> {
    const scan = this.#scans.get(place.id) ?? new LogScan();
    this.#scans.set(place.id, scan);
    const log = await this.#files.openLog(place);
    try {
      if (log) await scan.update(log);
    } finally {
      await log?.close();
    }
    return scan.summary(place);
  }
}

class LogScan {
  #known: Known = {};
  /** All lines before are read. */
  #offset = 0;
  #inode = 0;
  #updating: Promise<void> = Promise.resolve();

  /** One at a time. */
  update(log: FileHandle): Promise<void> {
    this.#updating = this.#updating.then(() => this.#update(log)).catch(() => {});
    return this.#updating;
  }

  async #update(log: FileHandle): Promise<void> {
    const { size, ino } = await log.stat();
    if (size < this.#offset || ino !== this.#inode) {
      this.#known = {};
      this.#offset = 0;
      this.#inode = ino;
    }
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, Math.max(1, size - this.#offset)));
    while (this.#offset < size) {
      const { bytesRead } = await log.read(piece, 0, piece.length, this.#offset);
      const bytes = piece.subarray(0, bytesRead);
      const end = bytes.lastIndexOf(NEWLINE!) + 1;
      if (end > 0) this.#read(bytes.subarray(0, end));
      else if (bytesRead < PIECE_BYTES) break; // A line that is still being written.
      this.#offset += end > 0 ? end : bytesRead;
    }
  }

  #read(lines: Buffer): void {
    const found: { readonly at: number; readonly event: OtherEvent | StepEvent }[] = [];
    for (const wanted of WANTED) {
      for (let at = lines.indexOf(wanted); at >= 0; at = lines.indexOf(wanted, at + 1)) {
        const event = eventAt(lines, at);
        if (event) found.push({ at, event });
      }
    }
    const last = lines.lastIndexOf(STEP);
    const step = last >= 0 ? eventAt(lines, last) : undefined;
    if (step) found.push({ at: last, event: step });
    for (const { event } of found.sort((a, b) => a.at - b.at)) this.#add(event);
  }

  #add(event: OtherEvent | StepEvent): void {
    const known = this.#known;
    if (event.kind === 'start') {
      known.start = event;
      delete known.end;
    } else if (event.kind === 'step') known.step = event;
    else if (event.kind === 'epoch') {
      known.epoch = event;
      const accuracy = event.validationAccuracy ?? event.testAccuracy ?? 0;
      known.best = Math.max(known.best ?? 0, accuracy);
    } else if (event.kind === 'end') known.end = 'done';
    else if (event.kind === 'stopped' && event.reason !== 'patience')
      known.end = event.reason === 'nonFinite' ? 'failed' : 'stopped';
  }

  summary({ id, name, folder }: RunPlace): RunSummary {
    const { start, epoch, step, best } = this.#known;
    return {
      ...{ id, name, phase: this.#phase(folder) },
      ...(start && { model: start.model, epochs: start.epochs, bytes: start.plannedPeakBytes }),
      ...(start && { startedAt: start.startedAt, data: textOf(start.config.data) }),
      ...(step && { epoch: step.globalStep / Math.max(1, start?.stepsPerEpoch ?? 1), etaMs: step.etaMs }),
      ...(step && { trainLoss: step.trainLoss }),
      ...(epoch && !step && { epoch: epoch.epoch + 1 }),
      ...(epoch && { accuracy: epoch.validationAccuracy ?? epoch.testAccuracy, best }),
      ...(epoch && { trainLoss: step?.trainLoss ?? epoch.trainLoss }),
    };
  }

  #phase(folder: string): Phase {
    const { end, step, start } = this.#known;
    const works = isAtWork(folder);
    if (end && !works) return end;
    if (!works) return 'lost';
    return start && step ? 'running' : 'preparing';
  }
}

/** The event of the line around a place; undefined where that line is none. */
function eventAt(lines: Buffer, at: number): OtherEvent | StepEvent | undefined {
  const start = lines.lastIndexOf(NEWLINE!, at) + 1;
  const end = lines.indexOf(NEWLINE!, at);
  if (end - start > LONGEST_LINE) return undefined;
  try {
    return knownEvent(JSON.parse(lines.toString('utf8', start, end)));
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
