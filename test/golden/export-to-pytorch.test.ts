import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { stateOf } from '../../src/compile.ts';
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from '../../src/io/safetensors.ts';
import type { Model } from '../../src/model/module.ts';
import { trace } from '../../src/model/trace.ts';
import { modelByName } from '../../src/model/zoo.ts';
import type { Pair } from '../../src/tensor/shape.ts';
import { densorIn, SMALL } from '../support/cli.ts';
import { bottleneckNet, randomState, referenceLogits, type State, testImages } from '../support/onnx.ts';
import { missingFromPython, python } from '../support/python.ts';

const SCRIPT = fileURLToPath(new URL('../../bench/peers/pytorch_export.py', import.meta.url));
const missing = missingFromPython('torch', 'torchvision');

const folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes images and Densor's logits next to the exported file, and compares with PyTorch. */
async function judge(exported: string, model: Model, size: Pair, state: State, network: object) {
  const shape = [4, model.channels, ...size] as const;
  const images = testImages('random', shape);
  const logits = Float32Array.from(await referenceLogits(model, size, state, images));
  const tensors = new Map<string, StoredTensor>([
    ['images', { shape, data: images }],
    ['logits', { shape: [4, model.classes], data: logits }],
  ]);
  const path = `${exported}.case`;
  const metadata = new Map([['network', JSON.stringify(network)]]);
  writeFileSync(path, Buffer.concat(encodeSafetensors({ metadata, tensors })));
  return python(SCRIPT, exported, path);
}

describe(`PyTorch${missing ? ` (skipped: ${missing})` : ''}`, () => {
  test.skipIf(missing)(
    "loads an export into torchvision's DenseNet and finds our logits",
    async ({ annotate }) => {
      const model = bottleneckNet();
      const state = randomState(model, [64, 64], 11);
      const { graph } = trace(model, 1, [64, 64], 'evaluate');
      const tensors = new Map(
        [...stateOf(graph)].map(([name, { shape }]) => [name, { shape, data: state.get(name)! }]),
      );
      const path = join(folder, 'torchvision.safetensors');
      writeFileSync(
        path,
        Buffer.concat(encodeSafetensors({ metadata: new Map([['format', 'pt']]), tensors })),
      );
      const result = await judge(path, model, [64, 64], state, {
        kind: 'torchvision',
        growth_rate: 6,
        block_config: [2, 3],
        num_init_features: 8,
        bn_size: 2,
        num_classes: 5,
      });
      await annotate(JSON.stringify(result));
      expect(result).toMatchObject({ format: 'pt', tensors: state.size, images: 4 });
      expect(result.relativeError).toBeLessThan(1e-5);
    },
  );

  test.skipIf(missing)(
    "loads what the command line exports into the notes' network and finds our logits",
    async ({ annotate }) => {
      expect((await densorIn(folder, 'train', ...SMALL, '--out', 'run')).status).toBe(0);
      const { status, stderr } = await densorIn(
        folder,
        'export',
        'run',
        '--safetensors',
        'notes.safetensors',
      );
      expect(status, stderr).toBe(0);
      const path = join(folder, 'notes.safetensors');
      const state = new Map(
        [...decodeSafetensors(readFileSync(path), path).tensors].map(([name, { data }]) => [
          name,
          data as Float32Array,
        ]),
      );
      const network = { kind: 'notes', channels: 1, classes: 10 };
      const result = await judge(path, modelByName('notes'), [32, 32], state, network);
      await annotate(JSON.stringify(result));
      expect(result).toMatchObject({ format: 'pt', model: 'notes', tensors: 126, images: 4 });
      expect(result.relativeError).toBeLessThan(1e-5);
    },
  );
});
