import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { type TrainEvent, fit as train } from '../../src/index.ts';
import { openEngine } from '../../src/run/engines.ts';
import { bitsOfState, colourImage, colours, OWN_NETWORK } from '../support/colours.ts';
import { withoutProfile } from '../support/without-profile.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine('webgpu', 1);
});
afterAll(() => engine.close());

const DATA = colours(36);

test('a run that measures a step has the bits of one that does not', async () => {
  const options = { lr: 0.05, batch: 4, seed: 4, schedule: 'constant', epochs: 3 } as const;
  const events: TrainEvent[] = [];
  const onEvent = (event: TrainEvent) => events.push(event);
  await using measured = await train(OWN_NETWORK, DATA, { ...options, engine, onEvent });
  const profiles = events.filter((event) => event.kind === 'profile');
  expect(profiles).toHaveLength(1);
  const silent = await withoutProfile(Promise.resolve(engine));
  await using plain = await train(OWN_NETWORK, DATA, { ...options, engine: silent, onEvent });
  expect(events.filter(({ kind }) => kind === 'profile')).toEqual(profiles);
  expect(bitsOfState(measured)).toEqual(bitsOfState(plain));
});

test('the means of class maps and the biases are the logits', async () => {
  await using net = await train(OWN_NETWORK, DATA, { lr: 0.05, epochs: 2, engine });
  const image = colourImage(DATA, 1);
  const { classMaps, logits, bias, predictions } = await net.explain(image);
  expect(predictions).toEqual(await net.predict(image));
  const pixels = classMaps.height * classMaps.width;
  for (const [c, logit] of logits.entries()) {
    let sum = 0;
    for (let pixel = 0; pixel < pixels; pixel++) sum += classMaps.data[pixel * classMaps.channels + c]!;
    expect(sum / pixels + bias[c]!).toBeCloseTo(logit, 4);
  }
});
