import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cacheFolder } from '../../src/node/cache-folder.ts';

/** The npm packages of each peer with exact versions; the first is the peer itself. */
const PACKAGES = {
  onnxruntime: { 'onnxruntime-node': '1.30.0' },
  tfjs: { '@tensorflow/tfjs': '4.22.0', '@tensorflow/tfjs-backend-wasm': '4.22.0' },
  'jax-js': { '@jax-js/jax': '0.1.25' },
} as const;

export type NpmPeer = keyof typeof PACKAGES;

/** The peer whose packages a contender needs: `tfjs` for `tfjs:wasm`; undefined if it has no npm packages. */
export function npmPeerOf(contender: string): NpmPeer | undefined {
  const name = contender.split(':')[0]!;
  return Object.hasOwn(PACKAGES, name) ? (name as NpmPeer) : undefined;
}

export function versionOf(peer: NpmPeer): string {
  return Object.values(PACKAGES[peer])[0]!;
}

/** `onnxruntime-node 1.30.0`. */
export function describePeer(peer: NpmPeer): string {
  return `${Object.keys(PACKAGES[peer])[0]} ${versionOf(peer)}`;
}

/**
 * Installs a peer's packages from the npm registry into the user's cache, on first use; they are not dependencies
 * of the project. Install scripts are not run: that of onnxruntime-node downloads CUDA libraries, which are not
 * needed on a CPU.
 * @returns the folder.
 */
export function installPeer(peer: NpmPeer): string {
  const packages = Object.entries(PACKAGES[peer]);
  const [first, version] = packages[0]!;
  const folder = join(cacheFolder(), `${basename(first)}-${version}`);
  if (packages.every(([name]) => existsSync(join(folder, 'node_modules', name, 'package.json'))))
    return folder;
  process.stderr.write(`installing ${describePeer(peer)} into ${folder}…\n`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--save-exact'];
  const wanted = packages.map(([name, pinned]) => `${name}@${pinned}`);
  execFileSync('npm', ['install', ...flags, ...wanted], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return folder;
}
