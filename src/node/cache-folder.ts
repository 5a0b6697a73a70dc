import { accessSync, constants, lstatSync, mkdirSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { InputError } from '../tensor/input-error.ts';
import { systemFailure } from './system-error.ts';

/** The cache cannot be used. The message has the folder, the reason and the remedy. */
export class CacheError extends InputError {
  override readonly name = 'CacheError';
}

/** The remedy if the cache is only used for temporary files. */
export const SET_CACHE_HOME = 'set XDG_CACHE_HOME to a folder that you may write to';

/**
 * Densor's folder for downloads and large temporary files: below XDG_CACHE_HOME if that is an absolute path (the
 * XDG Base Directory Specification ignores others), otherwise below .cache in the home folder (HOME, or the user
 * database). A user id with neither HOME nor an entry in the user database, as in containers, uses a private
 * folder in the system's temporary folder. The private folder is created here, the others by `makeWritable`.
 * @throws CacheError if the private folder has another owner.
 */
export function cacheFolder(): string {
  const { XDG_CACHE_HOME } = process.env;
  if (XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME)) return join(XDG_CACHE_HOME, 'densor');
  const home = absolute(homedir) ?? absolute(() => userInfo().homedir);
  return home === undefined ? privateTemporaryFolder() : join(home, '.cache', 'densor');
}

/**
 * Creates a folder of the cache if it is missing.
 * @param remedy what the user can do, such as SET_CACHE_HOME.
 * @throws CacheError if it cannot be created or written to.
 */
export function makeWritable(folder: string, remedy: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw unwritable(folder, error, remedy);
  }
}

/** Converts a file system error to one with the folder and the remedy. */
export function unwritable(folder: string, error: unknown, remedy: string): CacheError {
  const failure = systemFailure(error);
  const reason = failure ? `${failure.reason} (${failure.code})` : (error as Error).message;
  return new CacheError(`the cache folder ${folder} cannot be written to: ${reason}: ${remedy}`, {
    cause: error,
  });
}

/**
 * An absolute path, or undefined. The calls throw for user ids without an entry in the user database; HOME may be
 * empty.
 */
function absolute(home: () => string): string | undefined {
  try {
    const path = home();
    return isAbsolute(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

function privateTemporaryFolder(): string {
  const uid = process.getuid?.();
  const folder = join(tmpdir(), uid === undefined ? 'densor' : `densor-${uid}`);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(folder, error, SET_CACHE_HOME);
  }
  const found = lstatSync(folder);
  const refuse = (why: string) => {
    throw new CacheError(`${folder} ${why}, so it cannot be the cache folder: ${SET_CACHE_HOME}`);
  };
  if (!found.isDirectory()) refuse('is no folder');
  if (uid !== undefined && found.uid !== uid) refuse('belongs to another user');
  if (uid !== undefined && (found.mode & 0o077) !== 0) refuse('is open to other users (expected mode 0700)');
  return folder;
}
