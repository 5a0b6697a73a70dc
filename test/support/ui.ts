import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunMessage, RunSummary } from '../../src/live/protocol.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { startUi, type UiOptions, type UiServer } from '../../src/ui/server.ts';

const PAGE = '<!doctype html><title>a page</title>';

/** A server over a folder of runs of its own. */
export class UiBench {
  readonly folder = mkdtempSync(join(tmpdir(), 'densor-ui-'));
  readonly root = join(this.folder, 'runs');
  server!: UiServer;

  async start(options: Partial<UiOptions> = {}): Promise<void> {
    mkdirSync(this.root);
    const page = join(this.folder, 'page');
    mkdirSync(join(page, 'assets'), { recursive: true });
    writeFileSync(join(page, 'index.html'), PAGE);
    writeFileSync(join(page, 'assets/main.js'), 'export {};');
    writeFileSync(join(this.folder, 'secret.txt'), 'SECRET');
    this.server = await startUi({ root: this.root, page, port: 0, allowedHosts: [], ...options });
  }

  async close(): Promise<void> {
    await this.server?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get token(): string {
    return this.server.address.split('#token=')[1]!;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.server.port}`;
  }

  /** A run whose log has these events. @returns its folder. */
  writeRun(name: string, events: readonly TrainEvent[]): string {
    const folder = join(this.root, name);
    mkdirSync(folder, { recursive: true });
    this.append(folder, events);
    return folder;
  }

  append(folder: string, events: readonly TrainEvent[]): void {
    const lines = events.map(
      (event) => `${JSON.stringify({ time: '2026-11-28T12:00:00.000Z', ...event })}\n`,
    );
    appendFileSync(join(folder, 'log.jsonl'), lines.join(''));
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.origin}${path}`, {
      headers: { authorization: `Bearer ${this.token}`, ...headers },
      redirect: 'manual',
    });
  }

  async runs(): Promise<readonly RunSummary[]> {
    return ((await (await this.get('/api/runs')).json()) as { readonly runs: readonly RunSummary[] }).runs;
  }

  /** Reads messages until there is one of this kind. @returns all of them. */
  async messages(
    query: string,
    isLast: (message: RunMessage, all: readonly RunMessage[]) => boolean,
  ): Promise<readonly RunMessage[]> {
    const aborting = new AbortController();
    const response = await fetch(`${this.origin}/api/stream?runs=${query}`, {
      headers: { authorization: `Bearer ${this.token}` },
      signal: aborting.signal,
    });
    if (!response.ok) throw new Error(`status ${response.status}: ${await response.text()}`);
    const found: RunMessage[] = [];
    let text = '';
    const decoder = new TextDecoder();
    try {
      for await (const piece of response.body!) {
        text += decoder.decode(piece as Uint8Array, { stream: true });
        const lines = text.split('\n');
        text = lines.pop()!;
        for (const line of lines) {
          found.push(JSON.parse(line));
          if (isLast(found.at(-1)!, found)) return found;
        }
      }
    } finally {
      aborting.abort();
    }
    throw new Error('the stream ended');
  }

  /** Sends bytes as they are. @returns what the server answers until it closes, or falls silent. */
  raw(bytes: string, silenceMs = 400): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.server.port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
      let answer = '';
      socket.setTimeout(silenceMs, () => socket.destroy());
      socket.on('data', (data) => {
        answer += data.toString('latin1');
      });
      socket.on('close', () => resolve(answer));
      socket.on('error', (error) => (answer === '' ? reject(error) : resolve(answer)));
    });
  }

  /** A request line with headers; Host is right unless one is given. */
  request(line: string, headers: Readonly<Record<string, string | readonly string[]>> = {}): Promise<string> {
    const all = { Host: `127.0.0.1:${this.server.port}`, Authorization: `Bearer ${this.token}`, ...headers };
    const lines = Object.entries(all).flatMap(([name, value]) =>
      [value].flat().map((each) => `${name}: ${each}`),
    );
    return this.raw(`${line}\r\n${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`);
  }
}

export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0);
}
