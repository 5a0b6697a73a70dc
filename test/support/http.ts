import {
  createServer,
  type IncomingMessage,
  request as requestHttp,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';

const closing: (() => void)[] = [];

/** Closes all servers; call after each test. */
export function closeServers(): void {
  for (const close of closing.splice(0)) close();
}

/** Starts a server on the loopback interface. @returns its port. */
export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** Serves requests. @returns the URL of `/`. */
export async function serve(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  return `http://127.0.0.1:${await listen(createServer(handle))}/`;
}

/**
 * A proxy that forwards all requests to one local port, whatever the host.
 * @param tunnel whether it supports CONNECT; otherwise it responds 403, as a proxy for plain HTTP.
 */
export async function serveProxy(port: number, { tunnel }: { readonly tunnel: boolean }) {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    const { pathname: path } = new URL(request.url!);
    requestHttp({ port, path, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    }).end();
  });
  server.on('connect', (request: IncomingMessage, client: Duplex) => {
    seen.push(`CONNECT ${request.url}`);
    client.on('error', () => {});
    if (!tunnel) return void client.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      client.pipe(upstream).pipe(client);
    });
    upstream.on('error', () => client.destroy());
  });
  return { seen, address: `http://127.0.0.1:${await listen(server)}` };
}
