import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { matchWeights } from '../../src/io/match-weights.ts';
import { torchvisionDensenet } from '../../src/model/torchvision-densenet.ts';
import { readWeights } from '../../src/node/weights-file.ts';
import { relativeError } from '../support/compare.ts';
import { ENGINES, REFERENCE } from '../support/engines.ts';
import { channelsLast, golden, goldenPath, tensorOf } from '../support/golden.ts';

const file = golden('torchvision_small');
const model = torchvisionDensenet({ growthRate: 8, blocks: [2, 3, 2], stemChannels: 16, classes: 11 });
const { network } = compile(model, [64, 64], { evaluate: { batch: 2, mode: 'evaluate' } });

test("the state has torchvision's names and shapes, and nothing beside them but its counters of batches", () => {
  const theirs = new Map(
    [...file.tensors].flatMap(([name, { shape }]) =>
      /^state\.(?!.*num_batches_tracked)/.test(name) ? [[name.slice('state.'.length), shape] as const] : [],
    ),
  );
  expect(theirs.size).toBeGreaterThan(80);
  expect(new Map([...network.state].map(([name, { shape }]) => [name, shape]))).toEqual(theirs);
  expect([...network.state.keys()]).toEqual([...theirs.keys()]);
});

test('its .pth file, read and matched by name, is the same state', async () => {
  const path = goldenPath('torchvision_small.pth');
  const { state } = matchWeights(await readWeights(path), network.state, { source: path, newHead: false });
  for (const name of network.state.keys()) {
    expect([name, state.get(name)]).toEqual([name, Float32Array.from(tensorOf(file, `state.${name}`))]);
  }
});

describe.each([REFERENCE, ...ENGINES])("torchvision's own DenseNet on $name", ({ open, name }) => {
  test('gives its logits in evaluation', async () => {
    const engine = await open();
    const session = await engine.open(network);
    for (const tensor of network.state.keys()) session.write(tensor, tensorOf(file, `state.${tensor}`));
    const inputs = { images: channelsLast(file, 'x'), labels: Int32Array.of(0, 10) };
    const logits = (await session.run('evaluate', inputs)).get('logits')!;
    const bound = name === 'reference' ? 2e-6 : 1e-5; // The file's numbers are float32.
    expect(relativeError(logits, tensorOf(file, 'logits'))).toBeLessThan(bound);
    await engine.close();
  });
});
