import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { torchvisionResnet } from '../../src/model/torchvision-resnet.ts';
import { replayStepOf } from '../../src/train/one-step.ts';
import { relativeError } from '../support/compare.ts';
import { ENGINES, REFERENCE } from '../support/engines.ts';
import { channelsLast, golden, tensorOf } from '../support/golden.ts';

const step = golden('small_resnet18');
const resnet18 = torchvisionResnet({ block: 'basic', blocks: [2, 2, 2, 2], width: 4, classes: 7 });
const EVALUATED = (
  [
    ['resnet34', 'basic'],
    ['resnet50', 'bottleneck'],
  ] as const
).map(([name, block]) => {
  const model = torchvisionResnet({ block, blocks: [3, 4, 6, 3], width: 3, classes: 5 });
  const { network } = compile(model, [40, 36], { evaluate: { batch: 2, mode: 'evaluate' } });
  return { name, network, file: golden(`${name}_eval`) };
});

test.each(EVALUATED)("the state of $name has torchvision's names and shapes, in its order", (each) => {
  const theirs = [...each.file.tensors].flatMap(([name, { shape }]) =>
    /^state\.(?!.*num_batches_tracked)/.test(name) ? [[name.slice('state.'.length), shape]] : [],
  );
  expect([...each.network.state].map(([name, { shape }]) => [name, shape])).toEqual(theirs);
});

describe.each([REFERENCE, ...ENGINES])("torchvision's own ResNet on $name", ({ open, name: engineName }) => {
  test('ResNet-18: logits, loss and gradients of a training step, and the state after it', async () => {
    const engine = await open();
    const groups = await replayStepOf(() => resnet18, step, 'small_resnet18', engine);
    await engine.close();
    for (const { group, error, bound, worst } of groups) {
      expect(error, `${group}, most in ${worst}`).toBeLessThanOrEqual(bound);
    }
  });

  test.each(EVALUATED)('$name: logits in evaluation', async ({ network, file }) => {
    const engine = await open();
    const session = await engine.open(network);
    for (const tensor of network.state.keys()) session.write(tensor, tensorOf(file, `state.${tensor}`));
    const inputs = { images: channelsLast(file, 'x'), labels: Int32Array.of(0, 4) };
    const logits = (await session.run('evaluate', inputs)).get('logits')!;
    const bound = engineName === 'reference' ? 2e-6 : 1e-5; // The file's numbers are float32.
    expect(relativeError(logits, tensorOf(file, 'logits'))).toBeLessThan(bound);
    await engine.close();
  });
});
