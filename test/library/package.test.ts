import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { picture, writeColours } from '../support/images.ts';
import { CHROMIUM, servePage } from '../support/page.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const PROGRAM = `import { fit, loadRun, type TrainEvent } from 'densor';
export async function use(signal: AbortSignal): Promise<string> {
  await using net = await loadRun('runs/photos');
  const [best] = await net.predict(new Uint8Array(3));
  const many: readonly (readonly { label: string }[])[] = await net.predict([new Blob([])], { top: 1 });
  const onEvent = (event: TrainEvent) => void (event.kind === 'epoch' && console.log(event.testAccuracy));
  const run = await fit('densenet121', 'photos', { epochs: 5, signal, onEvent });
  await run.save('runs/mine');
  return \`\${best?.label}\${many.length}\${run.finished}\`;
}
`;
const COMMONJS = `import densor = require('densor');
export const event: densor.TrainEvent['kind'] = 'step';
export const messageOf = (error: unknown) => error instanceof densor.DataError && error.message;
export const predict = async (): Promise<readonly densor.Prediction[]> => (await densor.loadRun('x')).predict(new Uint8Array(3));
`;
const PAGE = `import { fit, loadRun } from 'densor/browser';
export const use = async (): Promise<Uint8Array> => {
  const net = await loadRun(await fetch('/last.safetensors'));
  await net.predict(new ImageData(3, 3));
  return (await fit(net.model, [], { epochs: 1 })).save();
};
`;

/** An empty project with the packed package and its dependencies. */
let project: string;
beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'densor-package-'));
  execFileSync(process.execPath, [join(root, 'dist/tools/require-entry.js')]); // As `npm run build` does.
  const args = ['pack', '--ignore-scripts', '--silent', '--pack-destination', project];
  execFileSync('npm', args, { cwd: root, encoding: 'utf8' });
  const place = join(project, 'node_modules/densor');
  mkdirSync(place, { recursive: true });
  const [archive] = readdirSync(project).filter((name) => name.endsWith('.tgz'));
  execFileSync('tar', ['xzf', join(project, archive!), '-C', place, '--strip-components=1']);
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== 'densor' && !name.startsWith('.'))
      symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name));
  }
  writeFileSync(join(project, 'package.json'), '{ "private": true }');
  const files = { 'program.mts': PROGRAM, 'common.cts': COMMONJS, 'page.mts': PAGE };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
}, 120_000);
afterAll(() => rmSync(project, { recursive: true, force: true }));

function run(...args: readonly string[]) {
  return spawnSync(process.execPath, args, { cwd: project, encoding: 'utf8' });
}

describe('the packed package', () => {
  test.each([
    ['nodenext', 'nodenext', ['program.mts', 'common.cts', 'page.mts']],
    ['esnext', 'bundler', ['program.mts', 'page.mts']],
  ])('has types for strict programs: module %s, resolution %s', (module, resolution, files) => {
    const strict =
      '--strict --noEmit --exactOptionalPropertyTypes --noUncheckedIndexedAccess --skipLibCheck false';
    const target = '--target es2022 --lib es2023,dom,dom.iterable,esnext.disposable --types node';
    const kind = ['--module', module, '--moduleResolution', resolution];
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { status, stdout } = run(tsc, ...strict.split(' '), ...target.split(' '), ...kind, ...files);
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });

  test('can be required, or says which Node can', () => {
    const program = "console.log(typeof require('densor').fit)";
    const can = process.features as { readonly require_module?: boolean };
    if (can.require_module) expect(run('-e', program).stdout.trim()).toBe('function');
    const { status, stderr } = run(
      ...(can.require_module ? ['--no-experimental-require-module'] : []),
      '-e',
      program,
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /require\("densor"\) needs Node 20\.19, 22\.12 or later, and this is v.*await import\('densor'\)/,
    );
  });

  test('runs the examples', async () => {
    await writeColours(join(project, 'photos'), 8);
    writeFileSync(join(project, 'blue.png'), await picture({ colour: [10, 10, 190] }));
    for (const name of ['predict', 'fit', 'own-network']) {
      const text = readFileSync(join(root, `examples/${name}.ts`), 'utf8');
      writeFileSync(join(project, `${name}.mts`), text);
    }
    const compile =
      '--strict --target es2022 --lib es2023,esnext.disposable,dom --module nodenext --types node'.split(' ');
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    writeFileSync(join(project, 'page-main.mts'), readFileSync(join(root, 'examples/page/main.ts'), 'utf8'));
    const made = run(tsc, ...compile, 'predict.mts', 'fit.mts', 'own-network.mts', 'page-main.mts');
    expect(made.stdout).toBe('');
    const trained = run('fit.mjs', 'photos', 'runs/mine');
    expect(trained.stdout, trained.stderr).toMatch(/^epoch 1: .*\nepoch 2: .*\nepoch 3: .*\ndone\n$/);
    expect(run('predict.mjs', 'runs/mine', 'blue.png').stdout).toMatch(/^blue\.png \w+ 0\.\d{3}\n$/);
    const own = run('own-network.mjs', 'runs/own');
    expect(own.stdout.trim(), own.stderr).toBe('bright');
  });

  test.skipIf(!CHROMIUM)(
    'bundled by vite finds its kernels and decoders: the page of the examples',
    async () => {
      const folder = join(project, 'page');
      mkdirSync(folder);
      for (const name of ['index.html', 'main.ts'])
        writeFileSync(join(folder, name), readFileSync(join(root, 'examples/page', name)));
      const result = await build({
        ...{ root: folder, configFile: false, logLevel: 'error' },
        build: { write: false, target: 'es2022' },
      });
      if (!('output' in result)) throw new Error('nothing was built');
      const files = result.output.map((each) => [
        `/${each.fileName}`,
        each.type === 'chunk' ? each.code : each.source,
      ]);
      const server = await servePage(Object.fromEntries(files));
      const browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox'] });
      try {
        const page = await browser.newPage();
        await page.goto(`${server.origin}/index.html`);
        const [last, image] = [join(project, 'runs/mine/last.safetensors'), join(project, 'blue.png')];
        await page.locator('#run').setInputFiles(last);
        await page.locator('#image').setInputFiles(image);
        await page.waitForFunction(() => document.querySelector('#answer')!.textContent !== '');
        expect(await page.locator('#answer').textContent()).toMatch(/^(blue|green|red) [\d.]+%$/);
      } finally {
        await browser.close();
        server.close();
      }
    },
  );
});
