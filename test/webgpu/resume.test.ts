import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { fit as train } from '../../src/index.ts';
import { openEngine } from '../../src/run/engines.ts';
import { bitsOfState, colours, OWN_NETWORK } from '../support/colours.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine('webgpu', 1);
});
afterAll(() => engine.close());

const OPTIONS = { lr: 0.05, batch: 8, seed: 4, schedule: 'constant' } as const;

test('a run that was resumed has the bits of one that was not', async () => {
  await using whole = await train(OWN_NETWORK, colours(36), { ...OPTIONS, epochs: 4, engine });
  await using half = await train(OWN_NETWORK, colours(36), { ...OPTIONS, epochs: 2, engine });
  await using resumed = await train(OWN_NETWORK, colours(36), { epochs: 4, engine, resume: half });
  expect(bitsOfState(resumed)).toEqual(bitsOfState(whole));
  expect(bitsOfState(half)).not.toEqual(bitsOfState(whole));
});
