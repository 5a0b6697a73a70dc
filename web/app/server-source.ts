import { signal } from '@preact/signals';
import type { Command, RunMessage, RunSummary } from '../../src/live/protocol.ts';
import { applyNews, forgetView, type KnownRun, serverRuns } from './runs.ts';

/** What is wrong between the page and its server. */
export const serverTrouble = signal<'lost' | 'token' | undefined>(undefined);

const KEY = 'densor-token';
const LIST_MS = 1500;
const RETRY_MS = 1000;

/** The token comes in the fragment, which is sent to nobody, and leaves the address at once. */
function takeToken(): string | undefined {
  const [, given] = /[#&]token=([\w-]{20,})/.exec(location.hash) ?? [];
  try {
    if (given !== undefined) sessionStorage.setItem(KEY, given);
    if (given !== undefined) history.replaceState(null, '', `${location.pathname}#/runs`);
    return given ?? sessionStorage.getItem(KEY) ?? undefined;
  } catch {
    return given;
  }
}

const token = takeToken();
/** Whether the page belongs to a server of runs: of a static host it does not. */
export const hasServer = token !== undefined;

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { ...(init.headers ?? {}), authorization: `Bearer ${token}` };
  return fetch(path, { ...init, headers, cache: 'no-store' });
}

async function list(): Promise<void> {
  try {
    const response = await ask('api/runs');
    if (response.status === 401) serverTrouble.value = 'token';
    if (!response.ok) throw new Error(`status ${response.status}`);
    const { runs } = (await response.json()) as {
      readonly runs: readonly (RunSummary & { readonly isOwned?: boolean })[];
    };
    serverRuns.value = runs.map((run): KnownRun => ({ ...run, source: 'server' }));
    serverTrouble.value = undefined;
  } catch {
    if (serverTrouble.value !== 'token') serverTrouble.value = 'lost';
  }
}

export function startServerSource(): void {
  if (!hasServer) {
    serverRuns.value = [];
    return;
  }
  const tick = async () => {
    if (!document.hidden) await list();
    setTimeout(tick, LIST_MS);
  };
  void tick();
}

const known = new Map<string, number>();
let following: { readonly ids: string; readonly abort: AbortController } | undefined;

/** Follows these runs of the server, and no others. What is known of the others is kept. */
export function followOnServer(ids: readonly string[]): void {
  const key = [...ids].sort().join();
  if (following?.ids === key) return;
  following?.abort.abort();
  following = undefined;
  if (ids.length === 0) return;
  const abort = new AbortController();
  following = { ids: key, abort };
  void follow(ids, abort.signal);
}

async function follow(ids: readonly string[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const query = ids.map((id) => `${id}:${known.get(id) ?? 0}`).join();
      const response = await ask(`api/stream?runs=${query}`, { signal });
      if (response.status === 404) return;
      if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
      await readLines(response.body, (line) => {
        const message = JSON.parse(line) as RunMessage;
        known.set(message.run, message.seq);
        applyNews(message.run, message);
      });
    } catch {
      if (signal.aborted) return;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

async function readLines(body: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = decoder.decode(value, { stream: true }).split('\n');
    pieces.push(lines.shift()!);
    for (const line of lines) {
      onLine(pieces.join(''));
      pieces = [line];
    }
  }
}

/** The weights of a run: those of its best epoch or, before there are any, the last. @throws Error */
export async function serverCheckpoint(id: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await ask(`api/checkpoint?run=${id}`);
  if (!response.ok) throw new Error((await response.text()).trim());
  return new Uint8Array(await response.arrayBuffer());
}

export function forgetServerRun(id: string): void {
  known.delete(id);
  forgetView(id);
}

/** Asks the training that has started the server to stop or to pause. */
export async function commandServer(command: Command): Promise<void> {
  const body = JSON.stringify(command);
  const headers = { 'content-type': 'application/json' };
  try {
    await ask('api/command', { method: 'POST', body, headers });
  } catch {
    serverTrouble.value = 'lost';
  }
}
