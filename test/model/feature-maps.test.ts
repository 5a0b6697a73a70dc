import { expect, test } from 'vitest';
import { blockLayouts, linearHead } from '../../src/model/feature-maps.ts';
import { trace } from '../../src/model/trace.ts';
import { imageSizeOf, MODEL_NAMES, modelByName } from '../../src/model/zoo.ts';

test.each(MODEL_NAMES)('%s ends in a global pool and a linear layer, and its blocks are known', (name) => {
  const size = imageSizeOf(name) ?? 96;
  const traced = trace(modelByName(name), 1, [size, size], 'evaluate');
  const head = linearHead(traced)!;
  const shapes = new Map([...traced.graph.state].map(([key, id]) => [key, traced.graph.values[id]!.shape]));
  expect(shapes.get(head.weight)).toEqual([
    traced.graph.values[traced.graph.outputs.get('logits')!]!.shape[1],
    head.shape[1],
  ]);
  const layouts = blockLayouts(traced);
  expect(layouts.map(({ name: block }) => block)).toEqual(layouts.map((_, i) => `block ${i + 1}`));
  expect(layouts.length).toBeGreaterThan(2);
  // The channels of layer i of a dense block are as many as its last convolution has, by the parameters' shapes.
  for (const { name: block, parts } of layouts) {
    const id = traced.features.get(block)!;
    expect(parts.reduce((sum, count) => sum + count, 0)).toBe(traced.graph.values[id]!.shape[1]);
  }
});

test('densenet121 has blocks of 6, 12, 24 and 16 layers of 32 channels', () => {
  const layouts = blockLayouts(trace(modelByName('densenet121'), 1, [224, 224], 'evaluate'));
  expect(
    layouts.map(({ parts, height }) => [height, parts[0], parts.length - 1, new Set(parts.slice(1))]),
  ).toEqual([
    [56, 64, 6, new Set([32])],
    [28, 128, 12, new Set([32])],
    [14, 256, 24, new Set([32])],
    [7, 512, 16, new Set([32])],
  ]);
});
