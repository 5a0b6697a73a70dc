import { LogReader } from '../../src/live/log-reader.ts';
import type { Command } from '../../src/live/protocol.ts';
import { CHANNEL, type ChannelMessage, lockOf } from '../lab/messages.ts';
import { storedLog, storedRuns } from '../lab/run-store.ts';
import { applyNews, type KnownRun, pulse, summaryOf, tabRuns, touch, viewOf } from './runs.ts';

const channel = new BroadcastChannel(CHANNEL);
/** Offsets of the logs up to which runs are known. */
const known = new Map<string, number>();
/** Runs that a tab of this browser trains now. */
let trained: ReadonlySet<string> = new Set();
/** How often it is looked whether they still do. */
const GONE_MS = 2000;

channel.onmessage = ({ data }: MessageEvent<ChannelMessage>) => {
  if (data.kind === 'changed') void listTabRuns();
  if (data.kind === 'log') replay(data.run, data.log);
  if (data.kind === 'news') {
    // News of a run that is not known from its beginning: its log comes first.
    if (!known.has(data.run)) return void tell(data.run);
    known.set(data.run, data.seq);
    applyNews(data.run, data.news);
  }
};

function tell(run: string): void {
  channel.postMessage({ kind: 'tell', run } satisfies ChannelMessage);
}

/** Asks the tab that trains a run to stop or to pause. */
export function commandTab(run: string, command: Command): void {
  channel.postMessage({ kind: 'command', run, command } satisfies ChannelMessage);
}

function replay(run: string, log: Uint8Array): void {
  applyNews(run, { kind: 'hello', phase: 'preparing', steps: 0 });
  for (const { news } of new LogReader().read(log)) applyNews(run, news);
  known.set(run, log.length);
}

/** Lists the runs of this browser, and reads what is not known of them. */
export async function listTabRuns(): Promise<void> {
  try {
    const [stored, locks] = [await storedRuns(), await navigator.locks.query()];
    trained = new Set(
      stored.filter(({ id }) => locks.held?.some(({ name }) => name === lockOf(id))).map(({ id }) => id),
    );
    for (const { id } of stored) {
      if (trained.has(id)) {
        if (!known.has(id)) tell(id);
      } else {
        const log = await storedLog(id).catch(() => new Uint8Array());
        // What is known already may be more than the log says: why it failed.
        if (known.get(id) !== log.length) replay(id, log);
        const { phase } = viewOf(id);
        // Who trained it is gone and did not say how it ended.
        if (phase === 'running' || phase === 'evaluating' || phase === 'preparing')
          applyNews(id, { kind: 'phase', phase: 'lost' });
      }
    }
    tabRuns.value = stored.map(({ id, name }) => knownRun(id, name));
    touch();
  } catch {
    tabRuns.value = []; // A browser without such files, or that refuses them.
  }
}

/** A tab that is closed, or that crashes, tells nobody: only its lock is free again, perhaps some time later. */
async function noticeGone(): Promise<void> {
  if (trained.size === 0) return;
  const { held = [] } = await navigator.locks.query();
  const names = held.map(({ name }) => name);
  if ([...trained].some((id) => !names.includes(lockOf(id)))) await listTabRuns();
}

/** Keeps the list up to date with what happens in the runs. */
export function startTabSource(): void {
  void listTabRuns();
  setInterval(() => void noticeGone(), GONE_MS);
  pulse.subscribe(() => {
    const runs = tabRuns.peek();
    if (!runs?.some(({ id }) => trained.has(id))) return;
    tabRuns.value = runs.map((run) => (trained.has(run.id) ? knownRun(run.id, run.name) : run));
  });
}

function knownRun(id: string, name: string): KnownRun {
  return { ...summaryOf(id, name), isOwned: trained.has(id), source: 'tab' };
}
