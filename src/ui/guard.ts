import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Who may ask. */
export interface Doorkeeper {
  readonly port: number;
  readonly token: string;
  /** Names beside those of this machine, without a port. */
  readonly allowedHosts: readonly string[];
}

/** Why a request is refused: status, and a sentence. */
export interface Refusal {
  readonly status: number;
  readonly message: string;
}

const LOCAL = ['localhost', '127.0.0.1', '[::1]'];

const refuse = (status: number, message: string): Refusal => ({ status, message });

/**
 * What keeps other sites, other programs and other machines out: a page of another site may send requests to this machine,
 * and a name of its own may resolve to it (DNS rebinding).
 */
export function refusalOf(request: IncomingMessage, door: Doorkeeper): Refusal | undefined {
  const { headers, rawHeaders, method, url = '' } = request;
  const hosts = rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host').length;
  if (hosts !== 1) return refuse(400, 'expected one Host header');
  if (!url.startsWith('/') || url.startsWith('//')) return refuse(400, 'expected a path');
  if (headers.upgrade !== undefined) return refuse(400, 'no other protocol is spoken here');
  const host = headers.host!.toLowerCase();
  if (!isAllowed(host, door)) {
    return refuse(403, 'this server is not known by that name: allow it with --allow-host');
  }
  const { origin, 'sec-fetch-site': site } = headers;
  if (
    origin !== undefined &&
    origin.toLowerCase() !== `http://${host}` &&
    origin.toLowerCase() !== `https://${host}`
  )
    return refuse(403, 'requests of other sites are refused');
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    return refuse(403, 'requests of other sites are refused');
  if (method !== 'GET' && method !== 'HEAD' && method !== 'POST') return refuse(405, 'expected GET');
  return undefined;
}

function isAllowed(host: string, { port, allowedHosts }: Doorkeeper): boolean {
  if (LOCAL.some((name) => host === `${name}:${port}` || (port === 80 && host === name))) return true;
  // Behind a forwarded port, or a proxy, the port is another.
  const name = host.replace(/:\d+$/, '');
  if (LOCAL.includes(name)) return true;
  return allowedHosts.some((allowed) => allowed.toLowerCase() === name);
}

/** @returns what is wrong with the token of a request for data. */
export function tokenRefusal({ headers }: IncomingMessage, { token }: Doorkeeper): Refusal | undefined {
  const { authorization = '' } = headers;
  const isRight = timingSafeEqual(digest(authorization), digest(`Bearer ${token}`));
  return isRight ? undefined : refuse(401, 'open the page with the whole address that densor ui printed');
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
