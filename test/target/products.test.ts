import { expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { modelByName } from '../../src/model/zoo.ts';
import { kernelRecords } from '../../src/target/cpu/records.ts';
import { cpuTarget, PRODUCTS } from '../../src/target/cpu/target.ts';

// Features N×F are float32 in every precision: kernels have no bfloat16 products for them.
test.each(PRODUCTS.flatMap((products) => [1, 2, 64].map((batch) => ({ products, batch }))))(
  'weight gradients multiply bfloat16 numbers only if their inputs are stored so: $products, batch $batch',
  ({ products, batch }) => {
    const { network } = compile(
      modelByName('notes'),
      [96, 96],
      { train: { batch, mode: 'train' } },
      { target: cpuTarget({ products }), precision: 'bf16' },
    );
    const gradients = kernelRecords(network.programs.get('train')!.plan.records).flatMap(({ record }) =>
      record.kind === 'conv2dGradWeight' ? [record] : [],
    );
    const ofFeatures = gradients.filter(({ x }) => x.elementBytes === 4);
    expect(ofFeatures.length).toBeGreaterThan(0);
    for (const { algorithm } of ofFeatures) expect(['rows', 'images']).toContain(algorithm);
    const inPairs = gradients.some(({ algorithm }) => algorithm.startsWith('pairs'));
    expect(inPairs).toBe(products !== 'none');
  },
);
