import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createReferenceEngine,
  fromWeights,
  loadRun,
  type NodeNetwork,
  readWeights,
  fit as train,
} from '../../src/index.ts';
import { densorIn } from '../support/cli.ts';
import { colourImage, colours, OWN_NETWORK } from '../support/colours.ts';
import { picture } from '../support/images.ts';

const DATA = colours(36);
let folder: string;
let run: NodeNetwork;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'densor-library-'));
  run = await train(OWN_NETWORK, DATA, { epochs: 3, lr: 0.05, threads: 1, precision: 'f32' });
  await run.save(join(folder, 'run'));
});
afterAll(async () => {
  await run.close();
  rmSync(folder, { recursive: true, force: true });
});
const ofFolder = (name: string) => join(folder, name);

describe('a trained network', () => {
  test('predicts the same for an image alone, in a batch, concurrently, and on the command line', async () => {
    await using net = await loadRun(ofFolder('run'), { threads: 2 });
    const file = await picture({ colour: [20, 20, 190] });
    const [best] = await net.predict(file);
    expect(best).toMatchObject({ label: 'blue' });
    const images = Array.from({ length: 39 }, (_, i) => (i % 2 ? file : colourImage(DATA, i % 36)));
    const [several, again] = await Promise.all([net.predict(images, { top: 1 }), net.predict(file)]);
    expect(several.filter((_, i) => i % 2)).toEqual(Array.from({ length: 19 }, () => [best]));
    expect(again[0]).toEqual(best);
    expect(again.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 12);
    const { writeFileSync } = await import('node:fs');
    writeFileSync(ofFolder('blue.png'), file);
    const args = ['predict', 'run', 'blue.png', '--json', '--top', '1'];
    const { stdout, stderr } = await densorIn(folder, ...args);
    expect(stdout, stderr).not.toBe('');
    expect(JSON.parse(stdout).predictions[0].top).toEqual([
      { class: best!.label, probability: best!.probability },
    ]);
  });

  test('accepts pixels in gray, RGB or RGBA, with the result for a file with these pixels', async () => {
    const { default: sharp } = await import('sharp');
    const file = await picture({ colour: [20, 190, 20] });
    const rgb = await sharp(file).raw().toBuffer({ resolveWithObject: true });
    const rgba = await sharp(file).ensureAlpha(0.3).raw().toBuffer();
    const { width, height } = rgb.info;
    const [a, b, c] = await run.predict([
      file,
      { width, height, data: rgb.data },
      { width, height, data: new Uint8ClampedArray(rgba) },
    ]);
    expect(b).toEqual(a);
    expect(c).toEqual(a);
    const grey = new Uint8Array(width * height).fill(99);
    const thrice = new Uint8Array(3 * width * height).fill(99);
    expect(await run.predict({ width, height, data: grey })).toEqual(
      await run.predict({ width, height, data: thrice }),
    );
  });

  test.each([
    ['new.jpg', /the image is the text "new\.jpg": expected the bytes of a JPEG.*readFile/],
    [undefined, /the image is undefined: expected/],
    [new Uint8Array(7), /the image is neither JPEG, PNG nor WebP/],
    [{ width: 3, height: 3, data: new Uint8Array(5) }, /of 3×3 pixels has 5 bytes: expected 1, 3 or 4/],
    [[new Uint8Array(3)], /image 1 of 1 is neither/],
  ])('says what it expected instead of %j', async (image, message) => {
    await expect(run.predict(image as never)).rejects.toThrow(message);
  });

  test('with zero requested classes throws an error', async () => {
    await expect(run.predict(colourImage(DATA, 0), { top: 0 })).rejects.toThrow(
      /`top` is 0: expected a whole/,
    );
  });

  test('finishes pending calls when it is closed, and then rejects calls', async () => {
    const net = await loadRun(ofFolder('run'));
    const working = net.predict(colourImage(DATA, 1));
    await new Promise((resolve) => setImmediate(resolve));
    const closing = net.close();
    expect((await working)[0]!.label).toBe('green');
    await closing;
    await net.close();
    await expect(net.predict(colourImage(DATA, 1))).rejects.toThrow(/closed: load it again/);
    await expect(net.save(ofFolder('late'))).rejects.toThrow(/closed/);
  });

  test('uses a given engine, and does not close it', async () => {
    const engine = createReferenceEngine();
    for (const _ of [1, 2]) {
      await using net = await loadRun(ofFolder('run'), { engine });
      expect((await net.predict(colourImage(DATA, 2)))[0]!.label).toBe('blue');
    }
  });

  test('is exported as the command line exports it, and read back with its weights', async () => {
    await run.exportOnnx(ofFolder('out/mine.onnx'));
    await run.exportSafetensors(ofFolder('out/mine.safetensors'));
    const { status } = await densorIn(folder, 'export', 'run', '--onnx', 'theirs.onnx');
    expect(status).toBe(0);
    expect(readFileSync(ofFolder('theirs.onnx')).equals(readFileSync(ofFolder('out/mine.onnx')))).toBe(true);
    expect((await readWeights(ofFolder('out/mine.onnx'))).tensors.size).toBe(8);
    const image = colourImage(DATA, 0);
    const wanted = await run.predict(image);
    for (const file of ['out/mine.onnx', 'out/mine.safetensors', 'run']) {
      await using net = await fromWeights(OWN_NETWORK, ofFolder(file));
      expect(net.classNames).toEqual(run.classNames);
      expect(await net.predict(image), file).toEqual(wanted);
    }
  });

  test.each([
    ['loadRun', () => loadRun(''), /loadRun was given the text "": expected the path/],
    ['loadRun', () => loadRun('nowhere'), /nowhere does not exist: expected the folder of a run/],
    ['loadRun', () => loadRun(ofFolder('run'), { checkpoint: 'first' as never }), /expected last or best/],
    [
      'loadRun',
      () => loadRun(ofFolder('run'), { engine: 'gpu' as never }),
      /expected auto, native, wasm, webgpu, reference/,
    ],
    ['fromWeights', () => fromWeights('alexnet', 'x.pth'), /there is no network "alexnet": expected notes,/],
    ['fromWeights', () => fromWeights('notes', 'x', { sise: 3 } as never), /there is no option `sise`/],
  ])('%s says what is wrong', async (_, use, message) => {
    await expect(use()).rejects.toThrow(message);
  });

  test.each(['native', 'wasm'])('keeps no process alive, and none ends before its answer: %s', (engine) => {
    const index = fileURLToPath(new URL('../../dist/src/index.js', import.meta.url));
    const program = `import { loadRun } from ${JSON.stringify(index)};
      const net = await loadRun('run', { engine: '${engine}', threads: 2 });
      const data = new Uint8Array(144 * 3).fill(50);
      const [best] = await net.predict({ width: 12, height: 12, data });
      console.log(best.label);`;
    const args = ['--input-type=module', '-e', program];
    const ended = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', timeout: 60_000 });
    expect(ended.signal).toBe(null);
    if (engine === 'native' && /not built/.test(ended.stderr)) return;
    expect([ended.status, ended.stdout.trim()], ended.stderr).toEqual([0, expect.stringMatching(/^\w+$/)]);
  });
});
