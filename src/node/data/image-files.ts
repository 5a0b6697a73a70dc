import { type Dirent, existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { DataError } from '../../data/dataset.ts';
import type { ImageFiles } from '../../data/image-folder/classes.ts';
import { readImageFile } from './image-file.ts';

/** What systems and programs leave among images; names that begin with a dot are hidden anyway. */
const LITTER = new Set([
  '__MACOSX',
  '@eaDir',
  '#recycle',
  '$RECYCLE.BIN',
  'System Volume Information',
  'lost+found',
  'Thumbs.db',
  'desktop.ini',
]);
/** One of these is in every folder that a command of ours has written. */
const OUTPUTS = ['last.safetensors', 'best.safetensors', 'experiment.json'];

/**
 * The files of a folder on disk, but for litter and for runs, whose pictures are no images of a class. Links may lead anywhere in the folder, but not out of it, nor to folders.
 * @throws DataError where there is no such folder.
 */
export function imageFilesIn(folder: string): ImageFiles {
  const root = rootOf(folder);
  return {
    root,
    pathOf: (name) => join(root, name),
    folders: (within) =>
      entriesOf(root, within)
        .filter((entry) => entry.isDirectory() && !holdsOutputOnly(root, join(within, entry.name)))
        .map(({ name }) => name),
    below: (within) => walk(root, within),
    read: (file) => readImageFile(join(root, file)),
  };
}

function rootOf(folder: string): string {
  if (!existsSync(folder)) throw new DataError(`${folder} does not exist`);
  if (!statSync(folder).isDirectory())
    throw new DataError(`${folder} is a file: expected a folder of images`);
  return realpathSync(folder);
}

/** True for a run's own folder, and for one that holds nothing but such folders. */
function holdsOutputOnly(root: string, within: string): boolean {
  const entries = entriesOf(root, within);
  if (isOutput(entries)) return true;
  const isNested = ({ name }: Dirent) => holdsOutputOnly(root, join(within, name));
  return entries.length > 0 && entries.every((entry) => entry.isDirectory() && isNested(entry));
}

function isOutput(entries: readonly Dirent[]): boolean {
  return entries.some(({ name }) => OUTPUTS.includes(name));
}

function walk(root: string, within: string): string[] {
  const entries = entriesOf(root, within);
  if (isOutput(entries)) return [];
  return entries.flatMap((entry) => {
    const path = `${within}/${entry.name}`;
    if (entry.isDirectory()) return walk(root, path);
    return entry.isFile() || entry.isSymbolicLink() ? [path] : [];
  });
}

function entriesOf(root: string, within: string): readonly Dirent[] {
  const entries = readdirSync(join(root, within), { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.') && !LITTER.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    requirePlainName(join(root, within), entry.name);
    if (entry.isSymbolicLink()) requireInside(root, join(within, entry.name));
  }
  return entries;
}

/** Names stand in tables, messages and files of one line each. */
function requirePlainName(folder: string, name: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (!/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffd]/.test(name)) return;
  throw new DataError(
    `${folder} holds a name with control characters or bytes that are no UTF-8, ${JSON.stringify(name)}: rename it`,
  );
}

function requireInside(root: string, path: string): void {
  let target: string;
  try {
    target = realpathSync(join(root, path));
  } catch {
    return; // Leads nowhere: it is named when it cannot be read.
  }
  const way = relative(root, target);
  if (way === '..' || way.startsWith(`..${sep}`) || way.startsWith(sep)) {
    throw new DataError(`${join(root, path)} is a link out of ${root}, to ${target}: copy what it leads to`);
  }
  if (statSync(target).isDirectory()) {
    throw new DataError(`${join(root, path)} is a link to a folder: copy the folder, or remove the link`);
  }
}
