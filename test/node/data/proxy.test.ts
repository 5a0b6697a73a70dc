import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { download } from '../../../src/node/data/download.ts';
import { closeServers, listen, serve, serveProxy } from '../../support/http.ts';

const VARIABLES = ['http_proxy', 'https_proxy', 'no_proxy'].flatMap((name) => [name, name.toUpperCase()]);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
  for (const name of VARIABLES) vi.stubEnv(name, undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  closeServers();
  rmSync(folder, { recursive: true, force: true });
});

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const content = 'through the proxy';
const portOf = (url: string) => Number(new URL(url).port);
const origin = () => serve((_, response) => response.end(content));
async function fetched(url: string): Promise<string> {
  const target = join(folder, 'file');
  await download(
    url,
    target,
    () => {},
    () => {},
  );
  return readFileSync(target, 'utf8');
}

describe('a download with a proxy', () => {
  test.each(['http_proxy', 'HTTP_PROXY'])('in %s asks a proxy that has no CONNECT with GET', async (name) => {
    const proxy = await serveProxy(portOf(await origin()), { tunnel: false });
    vi.stubEnv(name, proxy.address);
    expect(await fetched('http://data.invalid/file')).toBe(content);
    expect(proxy.seen).toEqual(['GET http://data.invalid/file']);
  });

  test('without a scheme is taken for HTTP', async () => {
    const proxy = await serveProxy(portOf(await origin()), { tunnel: false });
    vi.stubEnv('http_proxy', proxy.address.replace('http://', ''));
    expect(await fetched('http://data.invalid/file')).toBe(content);
  });

  test('connects directly to the hosts of no_proxy, and to all if the variable is empty', async () => {
    const url = await origin();
    const proxy = await serveProxy(1, { tunnel: false });
    vi.stubEnv('http_proxy', proxy.address);
    vi.stubEnv('no_proxy', 'other.invalid,127.0.0.1');
    expect(await fetched(`${url}file`)).toBe(content);
    vi.stubEnv('no_proxy', undefined);
    vi.stubEnv('http_proxy', '');
    vi.stubEnv('HTTP_PROXY', proxy.address);
    expect(await fetched(`${url}file`)).toBe(content);
    expect(proxy.seen).toEqual([]);
  });

  const certificate = () => {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const args = `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=data.invalid -keyout ${key} -out ${cert}`;
    expect(spawnSync('openssl', args.split(' ')).status).toBe(0);
    return { key: readFileSync(key), cert: readFileSync(cert) };
  };

  test.skipIf(!hasOpenssl).each(['https_proxy', 'HTTPS_PROXY', 'http_proxy'])(
    'in %s tunnels HTTPS',
    async (name) => {
      const port = await listen(createServer(certificate(), (_, response) => response.end(content)));
      const proxy = await serveProxy(port, { tunnel: true });
      vi.stubEnv(name, proxy.address);
      vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0'); // The certificate is self-signed.
      expect(await fetched('https://data.invalid/file')).toBe(content);
      expect(proxy.seen).toEqual(['CONNECT data.invalid:443']);
    },
  );

  test('that refuses is named by its variable', async () => {
    const proxy = await serveProxy(1, { tunnel: false });
    vi.stubEnv('HTTPS_PROXY', proxy.address);
    await expect(fetched('https://data.invalid/file')).rejects.toThrow(
      'the proxy refuses the connection with status 403 (a proxy is set by HTTPS_PROXY)',
    );
    expect(proxy.seen).toEqual(['CONNECT data.invalid:443']);
  });

  test('that requires a password is named by its variable', async () => {
    const url = await serve((_, response) => void response.writeHead(407).end());
    vi.stubEnv('http_proxy', url);
    await expect(fetched('http://data.invalid/file')).rejects.toThrow(/407.*http_proxy/);
  });

  test('that refuses connections is named by its variable', async () => {
    vi.stubEnv('http_proxy', 'http://127.0.0.1:1');
    vi.stubEnv('no_proxy', 'other.invalid');
    await expect(fetched('https://data.invalid/file')).rejects.toThrow(
      'ECONNREFUSED (a proxy is set by http_proxy, exceptions by no_proxy)',
    );
  });

  test.each(['socks5://localhost:1', 'http://', 'http://user:%zz@localhost:1'])(
    'whose address is %s is refused without showing it',
    async (address) => {
      vi.stubEnv('https_proxy', address);
      await expect(fetched('https://data.invalid/file')).rejects.toThrow(
        /^https_proxy is not the address of an HTTP proxy: expected http:\/\/HOST:PORT$/,
      );
    },
  );

  test('suppresses only its own warning', async () => {
    const warned: string[] = [];
    const note = (warning: Error) => void warned.push(warning.message);
    process.on('warning', note);
    const { emitWarning } = process;
    await fetched(`${await origin()}file`);
    expect(process.emitWarning).toBe(emitWarning);
    process.emitWarning('another');
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', note);
    expect(warned).toEqual(['another']);
  });
});
