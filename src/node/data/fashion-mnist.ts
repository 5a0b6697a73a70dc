import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteDataset, DataError } from '../../data/dataset.ts';
import { FASHION_CLASSES } from '../../data/dataset-names.ts';
import { IDX_FILES } from '../../data/idx.ts';
import type { DataProgress } from '../../data/progress.ts';
import { cacheFolder, makeWritable, unwritable } from '../cache-folder.ts';
import { writeFileAtomic } from '../files.ts';
import { unpack } from '../gzip.ts';
import { fetchDebianPackage } from './debian-package.ts';
import { DOWNLOAD_LIMITS, download } from './download.ts';
import {
  findIdxFiles,
  hasIdxFiles,
  type IdxPaths,
  type ReadIdxFile,
  readIdxFile,
  readIdxFiles,
} from './idx-files.ts';

/** SHA-256 of each unpacked file; gzip headers differ between sources. */
const SHA256: Readonly<Record<string, string>> = {
  [IDX_FILES.train.images]: 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
  [IDX_FILES.train.labels]: 'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
  [IDX_FILES.test.images]: '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
  [IDX_FILES.test.labels]: '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
};

const DEBIAN_PACKAGE = 'dataset-fashion-mnist';

/** The largest file has 26 MB (47 MB unpacked). */
const MAX_FILE_BYTES = DOWNLOAD_LIMITS.sizeBytes;

const REMEDY =
  'name a folder with its four files with `dataDir`, or set XDG_CACHE_HOME to a folder that you may write to';

/** The folders that torchvision creates below the root of a data set. */
const TORCHVISION_FOLDERS = ['raw', join('FashionMNIST', 'raw')];

/** Sources of the data; tests replace them. */
export interface Sources {
  readonly cache: string;
  /** Folder of the installed Debian package. */
  readonly installed: string;
  readonly urls: readonly string[];
  /** Downloads the Debian package without installing it, and unpacks it into a temporary folder. */
  readonly debianPackage: typeof fetchDebianPackage;
}

export const PUBLIC_SOURCES: Sources = {
  get cache() {
    return join(cacheFolder(), 'fashion-mnist');
  },
  installed: '/usr/share/datasets/fashion-mnist',
  urls: [
    'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
    'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
  ],
  debianPackage: fetchDebianPackage,
};

/**
 * Opens Fashion-MNIST from the first available source: the user's folder, the cache, the installed Debian package,
 * a download, the Debian package downloaded and unpacked. Downloaded files are verified and cached.
 * @throws DataError, CacheError
 */
export async function openFashionMnist(
  dataDir: string | undefined,
  progress: DataProgress,
  sources: Sources = PUBLIC_SOURCES,
): Promise<Readonly<Record<'train' | 'test', ByteDataset>>> {
  const read = (files: IdxPaths, file?: ReadIdxFile) =>
    readIdxFiles(files, 'fashion-mnist', FASHION_CLASSES, file);
  if (dataDir !== undefined) {
    if (!existsSync(dataDir)) throw new DataError(`\`dataDir\` ${dataDir} does not exist`);
    const files = findIdxFiles(dataDir, TORCHVISION_FOLDERS);
    if (files) return read(files);
    progress.note(`${dataDir} does not hold the four Fashion-MNIST files; looking elsewhere`);
  }
  if (!isFilled(sources.cache)) {
    const installed = findIdxFiles(sources.installed, []);
    if (installed) {
      return read(
        installed,
        verified(() => `reinstall the package ${DEBIAN_PACKAGE}`),
      );
    }
    await fill(sources, progress);
  }
  return read(
    findIdxFiles(sources.cache, [])!,
    verified((file) => `delete ${file} and run again`),
  );
}

/** Whether the cache has the files. False if it cannot be read; filling it then reports the error. */
function isFilled(cache: string): boolean {
  try {
    return hasIdxFiles(cache);
  } catch {
    return false;
  }
}

/** Fills the cache. @throws CacheError if it cannot be written; DataError */
async function fill(sources: Sources, progress: DataProgress): Promise<void> {
  makeWritable(sources.cache, REMEDY);
  const reasons: string[] = [];
  for (const url of sources.urls) {
    try {
      progress.note(`Fashion-MNIST is not here yet: downloading 30 MB from ${new URL(url).host}`);
      for (const name of Object.keys(SHA256)) {
        const target = join(sources.cache, `${name}.gz`);
        if (existsSync(target)) continue;
        const report = (received: number, total: number) => progress.bytes(`${name}.gz`, received, total);
        await download(
          `${url}${name}.gz`,
          target,
          (bytes, source) => verify(name, unpack(bytes, source, MAX_FILE_BYTES), source),
          report,
        );
      }
      return;
    } catch (error) {
      if (!(error instanceof DataError)) throw unwritable(sources.cache, error, REMEDY);
      reasons.push(`${new URL(url).host}: ${error.message}`);
    }
  }
  progress.note(`No download (${reasons.join('; ')}): trying Debian's package ${DEBIAN_PACKAGE}`);
  try {
    await sources.debianPackage(DEBIAN_PACKAGE, (folder) => {
      const files = findIdxFiles(join(folder, sources.installed), []);
      if (!files) throw new DataError(`the package ${DEBIAN_PACKAGE} has no IDX files`);
      readIdxFiles(
        files,
        DEBIAN_PACKAGE,
        FASHION_CLASSES,
        verified(() => 'run again'),
      );
      for (const [name, path] of files.paths) {
        writeFileAtomic(join(sources.cache, `${name}.gz`), [readFileSync(path)]);
      }
    });
    progress.note(`Fashion-MNIST is now in ${sources.cache}`);
  } catch (error) {
    reasons.push(`apt-get: ${(error as Error).message}`);
    throw new DataError(
      `Fashion-MNIST cannot be had (${reasons.join('; ')}): put its four files into a folder and name it with \`dataDir\``,
    );
  }
}

/** Returns a reader that verifies files; errors contain the remedy. */
function verified(remedy: (file: string) => string): ReadIdxFile {
  return (file, name) => {
    try {
      const content = readIdxFile(file);
      verify(name, content, file);
      return content;
    } catch (error) {
      throw error instanceof DataError ? new DataError(`${error.message}: ${remedy(file)}`) : error;
    }
  };
}

/** @throws DataError if a file differs from the published one. */
function verify(name: string, content: Uint8Array, source: string): void {
  const got = createHash('sha256').update(content).digest('hex');
  if (got !== SHA256[name]) {
    throw new DataError(
      `${source}: checksum mismatch: SHA-256 ${got.slice(0, 12)}… is not the published ${SHA256[name]!.slice(0, 12)}…`,
    );
  }
}
