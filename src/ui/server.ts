import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { COMMANDS, type Command } from '../live/protocol.ts';
import { ChunkCache } from './chunk-cache.ts';
import { type Doorkeeper, type Refusal, refusalOf, tokenRefusal } from './guard.ts';
import { SECURITY_HEADERS } from './headers.ts';
import { LogScans } from './log-scan.ts';
import { pageFiles } from './page-files.ts';
import { RunFiles } from './run-files.ts';
import { type Followed, type StreamSource, streamRuns } from './streams.ts';

/** Runs that one page follows together, and pages that follow together. */
const MOST_FOLLOWED = 16;
const MOST_STREAMS = 64;
const MOST_CONNECTIONS = 512;
const PORT_TRIES = 50;
const MOST_COMMAND_BYTES = 1024;

export interface UiOptions {
  /** Folder of runs. */
  readonly root: string;
  /** Folder of the built page. */
  readonly page: string;
  /** The first port that is tried; 0: any. */
  readonly port: number;
  readonly allowedHosts: readonly string[];
  /** The training that this server belongs to. */
  readonly owner?: UiOwner | undefined;
}

/** A training that can be asked to stop or to pause. */
export interface UiOwner {
  readonly folder: string;
  readonly phase: ReturnType<StreamSource['phaseOf']>;
  send(command: Command): void;
}

export interface UiServer {
  /** With the token, which only its owner is told. */
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Serves the page and the logs of runs to this machine alone. It reads, and writes nothing. */
export async function startUi({ root, page, port, allowedHosts, owner }: UiOptions): Promise<UiServer> {
  const files = new RunFiles(root);
  const parts: Parts = {
    ...{ files, scans: new LogScans(files), cache: new ChunkCache(), owner },
    pageFile: pageFiles(page),
    phaseOf: (folder) => (folder === owner?.folder ? owner.phase : undefined),
    streams: { count: 0 },
  };
  const token = randomBytes(32).toString('base64url');
  const server = createServer({
    requestTimeout: 15_000,
    headersTimeout: 10_000,
    keepAliveTimeout: 5_000,
    connectionsCheckingInterval: 2_000,
  });
  server.maxConnections = MOST_CONNECTIONS;
  const bound = await listen(server, port);
  const door = { port: bound, token, allowedHosts };
  server.on('request', (request, response) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    answer(request, response, door, parts).catch(() => {
      if (!response.headersSent) sendRefusal(response, { status: 500, message: 'it failed' });
      else response.destroy();
    });
  });
  return {
    address: `http://127.0.0.1:${bound}/#token=${token}`,
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Parts extends StreamSource {
  readonly pageFile: ReturnType<typeof pageFiles>;
  readonly owner: UiOwner | undefined;
  readonly streams: { count: number };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  door: Doorkeeper,
  parts: Parts,
): Promise<void> {
  const refusal = refusalOf(request, door);
  if (refusal) return sendRefusal(response, refusal);
  const [path = '', query = ''] = splitOnce(request.url!);
  if (path.startsWith('/api/')) return answerApi(request, response, { path, query, door, parts });
  if (request.method === 'POST') return sendRefusal(response, { status: 405, message: 'expected GET' });
  const file = parts.pageFile(path);
  if (!file) return sendRefusal(response, { status: 404, message: 'there is no such page' });
  response.writeHead(200, {
    'content-type': file.type,
    'content-length': file.bytes.length,
    'cache-control': file.isHashed ? 'private, max-age=31536000, immutable' : 'no-cache',
  });
  response.end(request.method === 'HEAD' ? undefined : file.bytes);
}

interface ApiRequest {
  readonly path: string;
  readonly query: string;
  readonly door: Doorkeeper;
  readonly parts: Parts;
}

async function answerApi(
  request: IncomingMessage,
  response: ServerResponse,
  { path, query, door, parts }: ApiRequest,
): Promise<void> {
  const refusal = tokenRefusal(request, door);
  if (refusal) return sendRefusal(response, refusal);
  response.setHeader('cache-control', 'no-store');
  if (path === '/api/command' && request.method === 'POST') return runCommand(request, response, parts.owner);
  if (request.method !== 'GET') return sendRefusal(response, { status: 405, message: 'expected GET' });
  if (path === '/api/runs') {
    const runs = await parts.scans.summaries();
    const known = runs.map((run) => {
      const folder = parts.files.get(run.id)?.folder;
      const isOwned = folder !== undefined && folder === parts.owner?.folder;
      return { ...run, ...(isOwned && { isOwned, phase: parts.owner!.phase ?? run.phase }) };
    });
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ v: 1, runs: known }));
    return;
  }
  if (path === '/api/stream') return answerStream(response, query, parts);
  if (path === '/api/checkpoint') return answerCheckpoint(response, query, parts.files);
  return sendRefusal(response, { status: 404, message: 'there is no such address' });
}

/** The weights of a run, for a page that tries them. */
async function answerCheckpoint(response: ServerResponse, query: string, files: RunFiles): Promise<void> {
  const id = new URLSearchParams(query).get('run') ?? '';
  if (!files.get(id)) await files.list();
  const place = files.get(id);
  const file = place && (await files.openCheckpoint(place));
  if (!file) return sendRefusal(response, { status: 404, message: 'there is no such checkpoint' });
  try {
    const { size } = await file.stat();
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size });
    await pipeline(file.createReadStream({ end: Math.max(0, size - 1) }), response).catch(() =>
      response.destroy(),
    );
  } finally {
    await file.close(); // Also if the page goes away in the middle.
  }
}

async function answerStream(response: ServerResponse, query: string, parts: Parts): Promise<void> {
  const followed = followedOf(query);
  if (!followed) return sendRefusal(response, { status: 400, message: 'expected runs=ID:OFFSET,…' });
  if (followed.some(({ id }) => !parts.files.get(id))) await parts.files.list();
  if (followed.some(({ id }) => !parts.files.get(id)))
    return sendRefusal(response, { status: 404, message: 'there is no such run' });
  if (parts.streams.count >= MOST_STREAMS)
    return sendRefusal(response, { status: 503, message: 'too many pages are open' });
  parts.streams.count++;
  try {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.flushHeaders();
    await streamRuns(response, followed, parts);
  } finally {
    parts.streams.count--;
    response.end();
  }
}

function followedOf(query: string): readonly Followed[] | undefined {
  const texts = (new URLSearchParams(query).get('runs') ?? '').split(',');
  const followed = texts.flatMap((text) => {
    const [, id, after] = /^([\w-]{16}):(\d{1,15})$/.exec(text) ?? [];
    return id === undefined ? [] : [{ id, after: Number(after) }];
  });
  return followed.length === texts.length && followed.length <= MOST_FOLLOWED ? followed : undefined;
}

/** A command for the training that has started this server; other runs cannot be asked. */
async function runCommand(
  request: IncomingMessage,
  response: ServerResponse,
  owner: UiOwner | undefined,
): Promise<void> {
  if (request.headers['content-type'] !== 'application/json')
    return sendRefusal(response, { status: 415, message: 'expected application/json' });
  if (!owner) return sendRefusal(response, { status: 409, message: 'these runs can only be watched' });
  let text = '';
  for await (const piece of request) {
    text += piece;
    if (text.length > MOST_COMMAND_BYTES) return sendRefusal(response, { status: 413, message: 'too long' });
  }
  const kind = COMMANDS.find((each) => text === JSON.stringify({ kind: each }));
  if (!kind) return sendRefusal(response, { status: 400, message: `expected one of ${COMMANDS.join(', ')}` });
  owner.send({ kind });
  response.writeHead(204).end();
}

function sendRefusal(response: ServerResponse, { status, message }: Refusal): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  response.end(`${message}\n`);
}

function splitOnce(url: string): readonly [string, string] {
  const at = url.indexOf('?');
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)];
}

/** The first free port from this one on. @throws the system's error */
async function listen(server: Server, first: number): Promise<number> {
  for (let port = first; ; port++) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, '127.0.0.1', () => {
          server.off('error', reject);
          resolve();
        });
      });
      return (server.address() as AddressInfo).port;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE' || port >= first + PORT_TRIES || port >= 65_535) throw error;
    }
  }
}
