import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Argument, type Command as CommandLine } from 'commander';
import { z } from 'zod';
import { DataError } from '../data/dataset.ts';
import { startUi, type UiServer } from '../ui/server.ts';
import { commandOf } from './options.ts';
import { print, say } from './terminal.ts';
import { ownerOfThisServer } from './ui-owner.ts';

interface UiOptions {
  readonly port: number;
  readonly allowHost?: readonly string[];
}

const FIRST_PORT = 6116;
/** The built page, relative to the built file and to its source. */
const PAGES = ['../../web/', '../../dist/web/'];

export function uiCommand(): CommandLine {
  return commandOf('ui', {
    description:
      'show runs in a browser as they happen, compare them, and train in the page; this machine only',
    arguments: [new Argument('[runs]', 'folder of runs (default: runs)')],
    own: {
      port: {
        schema: z.int().min(0).max(65_535),
        value: 'n',
        help: 'port of the page; the next free one if it is taken, 0 for any',
        default: FIRST_PORT,
      },
      allowHost: {
        schema: z.array(
          z.string().regex(/^[a-zA-Z0-9.-]+$/, 'expected names of machines, separated by commas'),
        ),
        value: 'names',
        help: 'other names under which browsers may ask for the page, as behind a proxy',
        unset: 'none',
      },
    },
    examples: ['ui runs/', 'ui runs/ --port 8080'],
  }).action(async (runs: string | undefined, given: UiOptions) => runUi(runs ?? 'runs', given));
}

async function runUi(root: string, { port, allowHost = [] }: UiOptions): Promise<void> {
  if (!existsSync(root)) {
    throw new DataError(`${root} does not exist: expected a folder of runs, such as \`densor train\` makes`);
  }
  const owner = ownerOfThisServer();
  const server = await startUi({ root, page: pageFolder(), port, allowedHosts: allowHost, owner });
  const how = 'only this machine, and only with the token in it; elsewhere: ssh -L';
  if (owner) owner.ready(server.address);
  else {
    print([server.address]);
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
