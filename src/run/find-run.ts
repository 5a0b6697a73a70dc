import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DataError, listed } from '../data/dataset.ts';
import { closest } from '../tensor/suggest.ts';
import { runFiles } from './run-folder.ts';

const LAST = basename(runFiles('').last);

/**
 * The folder of a run to resume. The path may also be its last checkpoint.
 * @throws DataError if there is no run, with suggestions.
 */
export function resumedFolder(path: string): string {
  if (isFile(path)) {
    const folder = dirname(path);
    if (basename(path) === LAST) return folder;
    const instead = existsSync(runFiles(folder).last)
      ? `: runs resume from their last checkpoint: use \`resume\` ${folder}`
      : '';
    throw new DataError(`${path} is a file: expected the folder of a run for \`resume\`${instead}`);
  }
  if (!existsSync(runFiles(path).last)) throw new DataError(noRun(path, ' for `resume`'));
  return path;
}

/**
 * The path of a checkpoint: a file, or the requested checkpoint of a folder. @throws DataError as `resumedFolder`
 */
export function checkpointAt(
  path: string,
  which: 'last' | 'best',
): { readonly folder: string; readonly file: string } {
  if (isFile(path)) {
    if (which === 'best' && basename(path) === LAST)
      throw new DataError(
        `\`checkpoint\` best contradicts ${path}: give the folder of the run, or omit \`checkpoint\``,
      );
    return { folder: dirname(path), file: path };
  }
  const file = runFiles(path)[which];
  if (existsSync(file)) return { folder: path, file };
  const isRun = existsSync(runFiles(path).last);
  throw new DataError(isRun ? `${file} does not exist: the run has no ${which} checkpoint` : noRun(path));
}

/** The error message for a path without a run, with suggestions from it and from its parent folder. */
function noRun(path: string, purpose = ''): string {
  const beside = closest(basename(path), runsIn(dirname(path)));
  const meant =
    beside === undefined ? runsIn(path).map((name) => join(path, name)) : [join(dirname(path), beside)];
  const did = meant.length === 0 ? '' : ` (did you mean ${listed(meant)}?)`;
  const missing = existsSync(path) ? runFiles(path).last : path;
  return `${missing} does not exist: expected the folder of a run${purpose}${did}`;
}

/** The names of folders that contain a run. */
function runsIn(folder: string): readonly string[] {
  if (!existsSync(folder) || isFile(folder)) return [];
  return readdirSync(folder).filter((name) => existsSync(runFiles(join(folder, name)).last));
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}
