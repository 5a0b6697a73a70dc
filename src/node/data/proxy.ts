import type { Dispatcher } from 'undici';
import { DataError } from '../../data/dataset.ts';

/** Code of undici's warning that its proxy agent is experimental. */
const EXPERIMENTAL = 'UNDICI-EHPA';

/**
 * Opens connections that use http_proxy, https_proxy and no_proxy (or the upper-case names; a lower-case one has
 * priority, even if empty). Node 20's fetch ignores them; undici's EnvHttpProxyAgent reads them:
 * - https:// urls without https_proxy go through http_proxy; all_proxy is not read;
 * - no_proxy is `*` or a list of HOST or HOST:PORT; only `.example.org` and `*.example.org` include subdomains;
 * - with `proxyTunnel: false`, http:// urls are requested with `GET http://…`, as by curl, which also works with
 *   proxies without CONNECT. By default undici uses CONNECT for these as well. https:// urls always use CONNECT.
 *
 * The library is loaded on the first download.
 * @throws DataError if a variable is not the address of an HTTP proxy.
 */
export async function openConnections() {
  const [httpProxy, httpsProxy] = (['http:', 'https:'] as const).map(addressFor);
  const options = { proxyTunnel: false, ...(httpProxy && { httpProxy }), ...(httpsProxy && { httpsProxy }) };
  const { EnvHttpProxyAgent, fetch } = await import('undici');
  const agent: Dispatcher = withoutWarning(EXPERIMENTAL, () => new EnvHttpProxyAgent(options));
  return {
    fetch: (url: string, given: { headers: Record<string, string>; signal: AbortSignal }) =>
      fetch(url, { ...given, dispatcher: agent }),
    close: () => agent.destroy(),
  };
}

/**
 * A hint for failed requests, such as ` (a proxy is set by https_proxy)`; empty if no proxy is set. Only the
 * library knows whether no_proxy applies to a host, so no_proxy is mentioned if it is set.
 */
export function proxyHint(url: string): string {
  const name = variableFor(new URL(url).protocol);
  if (name === undefined) return '';
  const exceptions = firstDefined(['no_proxy', 'NO_PROXY']);
  return ` (a proxy is set by ${name}${exceptions === undefined ? '' : `, exceptions by ${exceptions}`})`;
}

function addressFor(protocol: string): string | undefined {
  const name = variableFor(protocol);
  if (name === undefined) return undefined;
  const value = process.env[name]!;
  const address = value.includes('://') ? value : `http://${value}`; // As curl interprets it.
  try {
    const url = new URL(address);
    for (const part of [url.username, url.password]) decodeURIComponent(part);
    if (['http:', 'https:'].includes(url.protocol)) return address;
  } catch {}
  // The value is not shown, because it may contain a password.
  throw new DataError(`${name} is not the address of an HTTP proxy: expected http://HOST:PORT`);
}

/** The variable that names the proxy for urls of a protocol. */
function variableFor(protocol: string): string | undefined {
  const own = protocol === 'https:' ? firstDefined(['https_proxy', 'HTTPS_PROXY']) : undefined;
  return own ?? firstDefined(['http_proxy', 'HTTP_PROXY']);
}

/** The first variable that is defined, unless it is empty. */
function firstDefined(names: readonly string[]): string | undefined {
  const name = names.find((each) => process.env[each] !== undefined);
  return name !== undefined && process.env[name] ? name : undefined;
}

/** Suppresses warnings with one code during the synchronous call of `make`. */
function withoutWarning<T>(code: string, make: () => T): T {
  const { emitWarning } = process;
  const filtered = (warning: string | Error, ...rest: unknown[]) => {
    if ((rest[0] as { code?: unknown } | undefined)?.code !== code) {
      Reflect.apply(emitWarning, process, [warning, ...rest]);
    }
  };
  process.emitWarning = filtered as typeof emitWarning;
  try {
    return make();
  } finally {
    process.emitWarning = emitWarning;
  }
}
