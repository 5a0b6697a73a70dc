import { createWriteStream, existsSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DataError } from './dataset.ts';

const ATTEMPTS = 4;
const SILENCE_MS = 20_000;

/**
 * Downloads a file into `target`: a dropped connection is resumed where the server can, else begun anew; the file
 * appears under its name only when `check` has accepted its bytes.
 * @throws DataError after four attempts, or when the content is refused.
 */
export async function download(
  url: string,
  target: string,
  check: (bytes: Uint8Array, source: string) => void,
  report: (received: number, total: number) => void,
): Promise<void> {
  const partial = `${target}.download`;
  for (let attempt = 1; ; attempt++) {
    try {
      await receive(url, partial, report);
      break;
    } catch (error) {
      const drops = error instanceof DataError ? ATTEMPTS : attempt;
      if (drops >= ATTEMPTS || isUnreachable(error)) throw new DataError(reason(error));
      await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** attempt));
    }
  }
  try {
    check(readFileSync(partial), url);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
  renameSync(partial, target);
}

async function receive(
  url: string,
  partial: string,
  report: (received: number, total: number) => void,
): Promise<void> {
  const have = existsSync(partial) ? statSync(partial).size : 0;
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const headers: Record<string, string> = have > 0 ? { range: `bytes=${have}-` } : {};
    const response = await fetch(url, { headers, signal: silence.signal });
    if (response.status === 416) rmSync(partial, { force: true });
    if (!response.ok || !response.body) throw new DataError(`${url} answers ${response.status}`);
    const resumed = response.status === 206;
    let received = resumed ? have : 0;
    const total = received + Number(response.headers.get('content-length') ?? 0);
    const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
    body.on('data', (chunk: Uint8Array) => {
      received += chunk.length;
      report(received, total);
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
    });
    await pipeline(body, createWriteStream(partial, { flags: resumed ? 'a' : 'w' }));
    if (total > 0 && received < total)
      throw new Error(`the connection dropped at ${received} of ${total} bytes`);
  } finally {
    clearTimeout(timer);
  }
}

/** No such host, or nobody listens: trying again at once is of no use. */
function isUnreachable(error: unknown): boolean {
  const code = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code;
  return code !== undefined && ['ENOTFOUND', 'ECONNREFUSED', 'EAI_AGAIN', 'ENETUNREACH'].includes(code);
}

function reason(error: unknown): string {
  const { cause, message } = error as Error;
  return (cause as NodeJS.ErrnoException | undefined)?.code ?? message;
}
