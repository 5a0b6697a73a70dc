import { DataError } from '../../data/dataset.ts';
import { writeFileAtomic } from '../files.ts';
import { openConnections, proxyHint } from './proxy.ts';
import { MemoryReceiver, type Receiver } from './receiver.ts';

const ATTEMPTS = 4;

export interface DownloadLimits {
  /** Maximum size of the file. Downloads to memory use at most twice as much. */
  readonly sizeBytes: number;
  /** An attempt fails after this time without data. */
  readonly silenceMs: number;
  /** Maximum time of all attempts. */
  readonly totalMs: number;
}

export const DOWNLOAD_LIMITS: DownloadLimits = {
  sizeBytes: 2 ** 26,
  silenceMs: 20_000,
  totalMs: 30 * 60_000,
};

type Connections = Awaited<ReturnType<typeof openConnections>>;
type Report = (received: number, total: number) => void;

/**
 * Downloads a file into `target`. Dropped connections are resumed if the server supports it; otherwise the
 * download restarts. Data is received into memory, and written to a temporary file and renamed after `check` has
 * accepted it, so concurrent downloads of the same file do not interfere.
 * @throws DataError after four attempts, beyond a limit, or if `check` rejects the content; a file system error if
 * `target` cannot be written.
 */
export async function download(
  url: string,
  target: string,
  check: (bytes: Uint8Array, source: string) => void,
  report: Report,
  limits: Partial<DownloadLimits> = {},
): Promise<void> {
  const received = new MemoryReceiver();
  await receiveAll(url, received, report, limits);
  check(received.bytes, url);
  writeFileAtomic(target, [received.bytes]);
}

/**
 * Receives a whole file in several attempts, continuing after the bytes received before, or restarting if the
 * server cannot resume. Bytes from an earlier process may be of a different file; only a check of the whole file
 * detects that.
 * @throws DataError as `download`
 */
export async function receiveAll(
  url: string,
  received: Receiver,
  report: Report,
  given: Partial<DownloadLimits> = {},
): Promise<void> {
  const limits = { ...DOWNLOAD_LIMITS, ...given };
  const endMs = performance.now() + limits.totalMs;
  const connections = await openConnections();
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        await receive(url, connections, received, report, { ...limits, totalMs: endMs - performance.now() });
        return;
      } catch (error) {
        if (error instanceof DataError) throw error;
        if (attempt >= ATTEMPTS || isFinal(error)) throw new DataError(reason(error) + proxyHint(url));
        await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** attempt));
      }
    }
  } finally {
    await connections.close();
  }
}

/** One attempt. @throws DataError if retrying is useless. */
async function receive(
  url: string,
  connections: Connections,
  received: Receiver,
  report: Report,
  { sizeBytes, silenceMs, totalMs }: DownloadLimits,
): Promise<void> {
  const aborter = new AbortController();
  const giveUp = () =>
    aborter.abort(new DataError(`${url} takes too long: given up after ${received.sizeBytes} bytes`));
  const whole = setTimeout(giveUp, Math.max(0, totalMs));
  const watch = () =>
    setTimeout(() => aborter.abort(new Error(`no byte for ${silenceMs / 1000} s`)), silenceMs);
  let silence = watch();
  try {
    const resumeAt = received.sizeBytes;
    const headers: Record<string, string> = { 'accept-encoding': 'identity' };
    if (resumeAt > 0) headers.range = `bytes=${resumeAt}-`;
    const response = await connections.fetch(url, { headers, signal: aborter.signal });
    if (response.status === 206 || (response.status === 416 && resumeAt > 0))
      requireRange(response, received);
    if (!response.ok || !response.body) {
      throw new DataError(`${url} answers ${response.status}${proxyHint(url)}`);
    }
    if (response.status !== 206) received.restart();
    const encoding = response.headers.get('content-encoding') ?? 'identity';
    if (encoding !== 'identity') throw new DataError(`${url} answers in ${encoding}, unasked`);
    const total = received.sizeBytes + Number(response.headers.get('content-length') ?? 0);
    const requireFits = (bytes: number) => {
      if (bytes <= sizeBytes) return;
      throw new DataError(`${url} has at least ${bytes} bytes: more than the ${sizeBytes} that are accepted`);
    };
    requireFits(total);
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      clearTimeout(silence);
      silence = watch();
      requireFits(received.sizeBytes + chunk.length);
      received.append(chunk);
      report(received.sizeBytes, total);
    }
    if (received.sizeBytes < total) {
      throw new Error(`the connection dropped at ${received.sizeBytes} of ${total} bytes`);
    }
  } finally {
    clearTimeout(whole);
    clearTimeout(silence);
    aborter.abort(); // Closes the connection of a rejected response.
  }
}

/**
 * A partial response must begin where the last attempt ended; otherwise the next attempt requests the whole file.
 * @throws DataError if the whole file was requested.
 */
function requireRange({ headers }: { headers: { get(name: string): string | null } }, received: Receiver) {
  const range = headers.get('content-range');
  const from = /^bytes (\d+)-/.exec(range ?? '')?.[1];
  if (received.sizeBytes > 0 && from !== undefined && Number(from) === received.sizeBytes) return;
  const message = `the server sends another part of the file than was asked for (content-range: ${range})`;
  if (received.sizeBytes === 0) throw new DataError(message);
  received.restart();
  throw new Error(message);
}

/** Explanations of connection errors. */
const UNREACHABLE: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host is not found, or this machine is offline',
  EAI_AGAIN: 'the host is not found, or this machine is offline',
  ECONNREFUSED: 'nobody answers there',
  ENETUNREACH: 'this machine is offline',
};

/** Whether retrying immediately is useless: unknown host, refused connection, or the proxy refuses. */
function isFinal(error: unknown): boolean {
  const refusedByProxy = ['UND_ERR_ABORTED', 'UND_ERR_INVALID_ARG'];
  return [...Object.keys(UNREACHABLE), ...refusedByProxy].includes(root(error).code ?? '');
}

function reason(error: unknown): string {
  const { code, message } = root(error);
  const refusal = /^Proxy response \((\d+)\)/.exec(message)?.[1];
  if (refusal !== undefined) return `the proxy refuses the connection with status ${refusal}`;
  if (code === undefined || code.startsWith('UND_ERR')) return message;
  const words = UNREACHABLE[code];
  return words === undefined ? code : `${words}: ${code}`;
}

/** The root cause of an error; fetch wraps it in an error without details. */
function root(error: unknown): NodeJS.ErrnoException {
  const { cause } = error as Error;
  return cause instanceof Error ? root(cause) : (error as NodeJS.ErrnoException);
}
