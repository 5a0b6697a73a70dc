import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { Command } from 'commander';
import { formatBytes } from '../../src/cli/format.ts';
import { buildNative } from '../../tools/build-native.ts';
import { inTemporaryFolder, ROOT } from '../common/programs.ts';
import { GOLDEN } from './cases.ts';

/**
 * Packs all that bench/gpu needs into one folder: Node, Dawn, the build, the native kernels, golden files and the Vulkan
 * loader. `sh run.sh` in it needs neither network nor installation.
 */

/** Largest total of the folder and the compressed tracked tree: both are carried to the machine with the GPU. */
const MOST_BYTES = 60 * 2 ** 20;

/** The npm packages that are imported on the way, apart from their dependencies. */
const PACKAGES = ['cli-progress', 'commander', 'zod', 'webgpu'];
/** What nothing reads at run time. */
const UNREAD = new Set(['.ts', '.mts', '.cts', '.map', '.md']);

/** Debian's packages with libraries that a bare machine may lack: the Vulkan loader, and what NVIDIA's driver links. */
const LIBRARIES = [
  ...['libvulkan1', 'libstdc++6', 'libgcc-s1', 'libegl1', 'libgl1', 'libglvnd0', 'libglx0'],
  ...['libx11-6', 'libxext6', 'libxcb1', 'libxau6', 'libxdmcp6', 'libbsd0', 'libmd0'],
];
const LIBRARY_FOLDER = 'usr/lib/x86_64-linux-gnu';

const { out } = new Command('bench-bundle')
  .description('packs the benchmark for a machine with a GPU into a folder')
  .option('--out <folder>', 'the folder', join(ROOT, 'dist/bundle'))
  .parse()
  .opts<{ readonly out: string }>();

mkdirSync(out, { recursive: true });
await inTemporaryFolder(async (folder) => {
  const [node, files] = [join(folder, 'node'), join(folder, 'files')];
  mkdirSync(files);
  packNode(node);
  await copyBuild(files);
  for (const name of withDependencies(PACKAGES)) copyPackage(name, files);
  copyDebian(folder, files);
  requireComplete(files);
  archive('files.tar.xz', files);
});
cpSync(join(ROOT, 'bench/gpu/run.sh'), join(out, 'run.sh'));
report();

/** Compresses Node, which takes a minute, unless the folder has it already. */
function packNode(folder: string): void {
  const kept = join(out, 'node.tar.xz');
  if (existsSync(kept) && statSync(kept).mtimeMs > statSync(process.execPath).mtimeMs) return;
  mkdirSync(folder);
  cpSync(process.execPath, join(folder, 'node'));
  execFileSync('strip', [join(folder, 'node')]);
  archive('node.tar.xz', folder);
}

async function copyBuild(files: string): Promise<void> {
  const read = (path: string) => !UNREAD.has(extname(path));
  for (const name of ['dist/src', 'dist/bench', 'bench/peers', 'package.json', 'LICENSE']) {
    if (existsSync(join(ROOT, name)))
      cpSync(join(ROOT, name), join(files, name), { recursive: true, filter: read });
  }
  // The machine with the GPU may have instruction sets that this one lacks.
  const [prebuilds, platform] = [join(ROOT, 'dist/bundle-prebuilds'), `${process.platform}-${process.arch}`];
  const isBuilt = await buildNative({ withRare: true, folder: join(prebuilds, platform) });
  if (!isBuilt) throw new Error('the native kernels were not built');
  cpSync(prebuilds, join(files, 'prebuilds'), { recursive: true });
  for (const name of GOLDEN) {
    const path = `test/golden/data/${name}.safetensors`;
    cpSync(join(ROOT, path), join(files, path));
  }
}

/** Packages with all that they depend on. */
function withDependencies(names: readonly string[], found = new Set<string>()): ReadonlySet<string> {
  for (const name of names) {
    if (found.has(name)) continue;
    found.add(name);
    const text = readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8');
    const { dependencies = {} } = JSON.parse(text) as {
      readonly dependencies?: Readonly<Record<string, string>>;
    };
    withDependencies(Object.keys(dependencies), found);
  }
  return found;
}

/** Copies a package; of Dawn's modules only the one for this platform. */
function copyPackage(name: string, files: string): void {
  const [from, to] = [join(ROOT, 'node_modules', name), join(files, 'node_modules', name)];
  const own = `${process.platform}-${process.arch}`;
  const isOther = (path: string) =>
    basename(dirname(path)) === 'dist' && /-(x64|arm64|universal)$/.test(path) && basename(path) !== own;
  cpSync(from, to, {
    recursive: true,
    dereference: true,
    filter: (path) => !UNREAD.has(extname(path)) && !(name === 'webgpu' && isOther(path)),
  });
  const dawn = join(to, 'dist', own, 'dawn.node');
  if (name === 'webgpu') execFileSync('strip', [dawn]);
}

/** Libraries, and a static busybox that unpacks on machines without xz. */
function copyDebian(folder: string, files: string): void {
  const debs = join(folder, 'debs');
  mkdirSync(debs);
  execFileSync('apt-get', ['download', '-qq', 'busybox-static', ...LIBRARIES], {
    cwd: debs,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const tree = join(folder, 'tree');
  for (const deb of readdirSync(debs)) execFileSync('dpkg', ['-x', join(debs, deb), tree]);
  const libraries = ['lib/x86_64-linux-gnu', LIBRARY_FOLDER]
    .map((name) => join(tree, name))
    .filter(existsSync);
  mkdirSync(join(files, 'lib'));
  for (const library of libraries) {
    for (const name of readdirSync(library).filter((each) => /\.so\.\d+$/.test(each))) {
      cpSync(join(library, name), join(files, 'lib', name), { dereference: true });
    }
  }
  cpSync(join(tree, 'bin/busybox'), join(out, 'busybox'));
  chmodSync(join(out, 'busybox'), 0o755);
}

/** Runs what is packed, where no other packages are found. @throws Error if one is missing. */
function requireComplete(files: string): void {
  const args = ['dist/src/cli/main.js', 'verify', `test/golden/data/${GOLDEN[0]}.safetensors`, '--engine'];
  execFileSync(process.execPath, [...args, 'native'], { cwd: files, stdio: ['ignore', 'ignore', 'inherit'] });
  const { status, stderr } = spawnSync(process.execPath, [...args, 'webgpu'], {
    cwd: files,
    encoding: 'utf8',
  });
  // Without an adapter it is refused with status 2, after all has been imported.
  if (status !== 0 && status !== 2) throw new Error(`what is packed does not run: ${stderr}`);
}

function archive(name: string, folder: string): void {
  const env = { ...process.env, XZ_OPT: '-6 -T0' };
  execFileSync('tar', ['-cJf', join(out, name), '--sort=name', '--owner=0', '--group=0', '-C', folder, '.'], {
    env,
  });
}

/** Prints sizes. Exits with 1 if they are too large together. */
function report(): void {
  const bundleBytes = readdirSync(out).reduce((sum, name) => sum + statSync(join(out, name)).size, 0);
  const tree = spawnSync('git', ['archive', '--format=tar.gz', 'HEAD'], { cwd: ROOT, maxBuffer: 2 ** 30 });
  if (tree.status !== 0) throw new Error(`git archive failed: ${tree.stderr}`);
  const total = bundleBytes + tree.stdout.length;
  process.stdout.write(
    `${out}: ${formatBytes(bundleBytes)}, with the tracked tree (${formatBytes(tree.stdout.length)}) ${formatBytes(total)}\n` +
      `On the machine with the GPU: sh ${basename(out)}/run.sh --minutes 8 --out densor-gpu.json\n`,
  );
  if (total <= MOST_BYTES) return;
  process.stderr.write(`too large: at most ${formatBytes(MOST_BYTES)}\n`);
  process.exitCode = 1;
}
