import type { Dispatcher } from 'undici';
import { DataError } from '../../data/dataset.ts';

/** Undici announces its proxy agent as experimental with this code. */
const EXPERIMENTAL = 'UNDICI-EHPA';

/**
 * Connections that obey http_proxy, https_proxy and no_proxy (or the names in capitals; the lower-case one wins, even
 * when it is empty). Node 20's own fetch ignores them; undici's EnvHttpProxyAgent reads them:
 * - https:// urls without https_proxy go through http_proxy; all_proxy is not read;
 * - no_proxy is `*` or a list of HOST or HOST:PORT; only `.example.org` and `*.example.org` include subdomains;
 * - with `proxyTunnel: false`, http:// urls are asked for with `GET http://…`, as curl does, which also a proxy
 *   without CONNECT can answer. By default undici tunnels these as well. https:// urls always go through CONNECT.
 *
 * The library is loaded here, when something is downloaded.
 * @throws DataError where a variable is not the address of an HTTP proxy.
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
 * What to look at when a request failed: ` (a proxy is set by https_proxy)`. Empty where no proxy is set.
 * Whether no_proxy excepts a host is the library's decision, so no_proxy is named too where it is set.
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
  const address = value.includes('://') ? value : `http://${value}`; // As curl reads it.
  try {
    const url = new URL(address);
    for (const part of [url.username, url.password]) decodeURIComponent(part);
    if (['http:', 'https:'].includes(url.protocol)) return address;
  } catch {}
  // The value is not shown: it may hold a password.
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

/** Drops the warning of one code while `make` runs (synchronously); all others are shown. */
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
