import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join, sep } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
  '.gz': 'application/octet-stream',
};

export interface PageFile {
  readonly bytes: Buffer;
  readonly type: string;
  /** Its name changes with its content. */
  readonly isHashed: boolean;
}

/**
 * The files of the page, by the paths of their addresses: listed once, so that an address that is not one of them names no
 * file at all. @throws the system's error where the page is not built.
 */
export function pageFiles(folder: string): (path: string) => PageFile | undefined {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );
  const known = new Map(files.map((name) => [`/${name.split(sep).join('/')}`, join(folder, name)]));
  known.set('/', join(folder, 'index.html'));
  return (path) => {
    const file = known.get(path);
    if (file === undefined) return undefined;
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    return { bytes: readFileSync(file), type, isHashed: path.startsWith('/assets/') };
  };
}
