import { type Dirent, existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { DataError } from '../../data/dataset.ts';
import type { ImageFiles } from '../../data/image-folder/classes.ts';
import { counted } from '../../tensor/counted.ts';
import { imageFileBytes, readImageFile } from './image-file.ts';

/**
 * Files and folders that systems and programs create among images. Names with a leading dot are ignored anyway.
 */
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
/** Every output folder of Densor contains one of these. */
const OUTPUTS = ['last.safetensors', 'best.safetensors', 'experiment.json'];

/**
 * The files of a folder on disk, except system files and the output folders of Densor, whose plots are not images
 * of a class. Links to files inside the folder are followed; with `followLinks` also links out of it and to
 * folders. Each folder is read once per class, so cycles end.
 * @throws DataError if the folder does not exist.
 */
export function imageFilesIn(folder: string, followLinks = false): ImageFiles {
  const root = rootOf(folder);
  const tree = { root, followLinks };
  const pathOf = (name: string) => join(root, name);
  return {
    root,
    pathOf,
    folders: (within) =>
      entriesOf(tree, within)
        .filter(({ name, isFolder }) => isFolder && !holdsOutputOnly(tree, join(within, name), new Set()))
        .map(({ name }) => name),
    below: (within) => walk(tree, within, new Set(foldersAbove(root, within))),
    sizeOf: (file) => imageFileBytes(pathOf(file)),
    read: (file) => readImageFile(pathOf(file)),
  };
}

interface Tree {
  readonly root: string;
  readonly followLinks: boolean;
}

interface Entry {
  readonly name: string;
  /** True also for a followed link to a folder. */
  readonly isFolder: boolean;
}

function rootOf(folder: string): string {
  if (!existsSync(folder)) throw new DataError(`${folder} does not exist`);
  if (!statSync(folder).isDirectory())
    throw new DataError(`${folder} is a file: expected a folder of images`);
  return realpathSync(folder);
}

/** Whether a folder is an output folder, or contains only such folders. @param seen folders visited before. */
function holdsOutputOnly(tree: Tree, within: string, seen: Set<string>): boolean {
  if (!isFirst(tree, within, seen)) return false;
  const entries = entriesOf(tree, within);
  if (isOutput(entries)) return true;
  const isNested = ({ name }: Entry) => holdsOutputOnly(tree, join(within, name), seen);
  return entries.length > 0 && entries.every((entry) => entry.isFolder && isNested(entry));
}

function isOutput(entries: readonly Entry[]): boolean {
  return entries.some(({ name }) => OUTPUTS.includes(name));
}

/** All files below a folder. @param seen real paths of visited folders and of the parents of this one. */
function walk(tree: Tree, within: string, seen: Set<string>): string[] {
  if (!isFirst(tree, within, seen)) return [];
  const entries = entriesOf(tree, within);
  if (isOutput(entries)) return [];
  return entries.flatMap(({ name, isFolder }) => {
    const path = `${within}/${name}`;
    return isFolder ? walk(tree, path, seen) : [path];
  });
}

/** Whether a folder has not been visited under any name; marks it as visited. */
function isFirst({ root }: Tree, within: string, seen: Set<string>): boolean {
  const real = realpathSync(join(root, within));
  if (seen.has(real)) return false;
  seen.add(real);
  return true;
}

/** Real paths of the parents of a folder. */
function foldersAbove(root: string, within: string): readonly string[] {
  const names = within.split('/');
  return names.map((_, i) => realpathSync(join(root, ...names.slice(0, i))));
}

/** The files and folders in a folder, except hidden ones and system files. */
function entriesOf(tree: Tree, within: string): readonly Entry[] {
  const folder = join(tree.root, within);
  return namesIn(folder).flatMap((entry) => {
    const { name } = entry;
    requirePlainName(folder, name);
    const isFolder = entry.isDirectory();
    if (!entry.isSymbolicLink()) return isFolder || entry.isFile() ? [{ name, isFolder }] : [];
    const leads = leadsTo(tree.root, join(folder, name));
    if (!tree.followLinks && leads.isRefused) throw refusedLinks(tree.root);
    return [{ name, isFolder: leads.isFolder }];
  });
}

function namesIn(folder: string): readonly Dirent[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.') && !LITTER.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Rejects names with control characters, because names are written into tables, messages and line-based files. */
function requirePlainName(folder: string, name: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (!/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffd]/.test(name)) return;
  throw new DataError(
    `${folder} holds a name with control characters or bytes that are no UTF-8, ${JSON.stringify(name)}: rename it`,
  );
}

/** The target of a link, and whether `followLinks` is required: links out of the folder, or to folders. */
function leadsTo(root: string, path: string) {
  try {
    const target = realpathSync(path);
    const way = relative(root, target);
    const leaves = way === '..' || way.startsWith(`..${sep}`) || way.startsWith(sep);
    const isFolder = statSync(target).isDirectory();
    return { target, isFolder, isRefused: leaves || isFolder };
  } catch {
    // A broken link; the error is reported when it is read.
    return { target: undefined, isFolder: false, isRefused: false };
  }
}

/** The error for links that require `followLinks`. */
function refusedLinks(root: string): DataError {
  const links = linksBelow(root, root);
  const [path, target] = links[0]!;
  const which =
    links.length === 1
      ? `a link, ${path} to ${target}, that leads`
      : `${counted(links.length, 'link')}, such as ${path} to ${target}, that lead`;
  return new DataError(
    `${root} holds ${which} out of it or to another folder: use \`followLinks\` to follow them, or copy what they lead to`,
  );
}

/** Links that require `followLinks`: their paths and targets. */
function linksBelow(root: string, folder: string): readonly (readonly [string, string])[] {
  return namesIn(folder).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return linksBelow(root, path);
    const leads = entry.isSymbolicLink() ? leadsTo(root, path) : undefined;
    return leads?.isRefused ? [[path, leads.target!] as const] : [];
  });
}
