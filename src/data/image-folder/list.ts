import { type Dirent, readdirSync, realpathSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { DataError } from '../dataset.ts';

/** A class: its name, and its files as paths below the root. */
export interface ClassFolder {
  readonly name: string;
  readonly files: readonly string[];
}

/**
 * The classes of a folder, in the order of their names: each folder in it is one, with all files below it. Hidden
 * files are left out; whether a file is an image shows when it is read.
 * @param root real path; no link may leave it.
 * @param within the folder of the classes, below the root.
 * @throws DataError for no class or only one, empty ones, links that leave the root or lead to folders, odd names.
 */
export function listClasses(root: string, within = ''): readonly ClassFolder[] {
  const at = join(root, within);
  const classes = folderNames(root, within).map((name) => ({ name, files: walk(root, join(within, name)) }));
  if (classes.length === 0) {
    throw new DataError(`${at} has no folders: expected one for each class, as in CLASS/image.jpg`);
  }
  const empty = classes.find(({ files }) => files.length === 0);
  if (empty) {
    throw new DataError(`${join(at, empty.name)} is empty: put images of that class there, or remove it`);
  }
  if (classes.length === 1) {
    throw new DataError(`${at} has one class only, ${classes[0]!.name}: expected at least two folders`);
  }
  return classes;
}

/** The names of the folders in a folder, sorted. @throws DataError as `listClasses` does. */
export function folderNames(root: string, within: string): readonly string[] {
  return entriesOf(root, within)
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

function walk(root: string, within: string): string[] {
  return entriesOf(root, within).flatMap((entry) => {
    const path = join(within, entry.name);
    if (entry.isDirectory()) return walk(root, path);
    return entry.isFile() || entry.isSymbolicLink() ? [path] : [];
  });
}

function entriesOf(root: string, within: string): readonly Dirent[] {
  const entries = readdirSync(join(root, within), { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
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
