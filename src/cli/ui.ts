import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DataError } from '../data/dataset.ts';
import { startUi, type UiServer } from '../ui/server.ts';
import { print, printJson, say } from './terminal.ts';
import { ownerOfThisServer } from './ui-owner.ts';

interface UiOptions {
  readonly port: number;
  readonly allowHost?: readonly string[];
  readonly json?: boolean;
}

/** The built page, relative to the built file and to its source. */
const PAGES = ['../../web/', '../../dist/web/'];

export async function runUi(
  runs: string | undefined,
  { port, allowHost = [], json = false }: UiOptions,
): Promise<void> {
  const root = runs ?? 'runs';
  if (!existsSync(root)) {
    throw new DataError(`${root} does not exist: expected a folder of runs, such as \`densor train\` makes`);
  }
  const owner = ownerOfThisServer();
  const server = await startUi({ root, page: pageFolder(), port, allowedHosts: allowHost, owner });
  const how = 'only this machine, and only with the token in it; elsewhere: ssh -L';
  if (owner) owner.ready(server.address);
  else {
    if (json) printJson({ address: server.address });
    else print([server.address]);
    say(`open this address in a browser (${how} ${server.port}:localhost:${server.port}); Ctrl-C ends`);
  }
  await untilEnded(server, owner?.ended);
}

/** @throws DataError where the page is not built. */
function pageFolder(): string {
  const found = PAGES.map((folder) => fileURLToPath(new URL(folder, import.meta.url))).find((folder) =>
    existsSync(`${folder}index.html`),
  );
  if (found) return found;
  throw new DataError('the page is not built: run `npm run build`');
}

async function untilEnded(server: UiServer, ended: Promise<void> | undefined): Promise<void> {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  let onSignal = () => {};
  const asked = new Promise<void>((resolve) => {
    onSignal = resolve;
  });
  for (const name of signals) process.on(name, onSignal);
  try {
    await Promise.race([asked, ...(ended ? [ended] : [])]);
  } finally {
    for (const name of signals) process.off(name, onSignal);
    await server.close();
  }
}
