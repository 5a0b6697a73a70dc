import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What the benchmark uses of onnxruntime-node: no dependency of the project, so its types are not here either. */
export interface Onnxruntime {
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<OnnxruntimeSession>;
  };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => object;
}

interface OnnxruntimeSession {
  run(
    inputs: Readonly<Record<string, object>>,
  ): Promise<Readonly<Record<string, { readonly data: Float32Array }>>>;
}

export const ONNXRUNTIME_VERSION = '1.30.0';

/**
 * Where onnxruntime-node is installed: in the user's cache, from the npm registry, at first use. Its install script
 * would fetch CUDA libraries from elsewhere: it does not run, and the processor's part is in the package.
 */
export function onnxruntimeFolder(): string {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const folder = join(cache, 'densor', `onnxruntime-node-${ONNXRUNTIME_VERSION}`);
  if (existsSync(join(folder, 'node_modules', 'onnxruntime-node', 'package.json'))) return folder;
  process.stderr.write(`installing onnxruntime-node ${ONNXRUNTIME_VERSION} into ${folder}…\n`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--save-exact'];
  execFileSync('npm', [...args, `onnxruntime-node@${ONNXRUNTIME_VERSION}`], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return folder;
}
