import { describe, expect, test } from 'vitest';
import { stateOf } from '../../src/compile.ts';
import { matchWeights } from '../../src/io/match-weights.ts';
import { trace } from '../../src/model/trace.ts';
import { modelByName } from '../../src/model/zoo.ts';
import { readWeights } from '../../src/node/weights-file.ts';
import { golden, goldenPath } from '../support/golden.ts';

const model = modelByName('densenet-bc-10-4', { classes: 3 })!;
const wanted = stateOf(trace(model, 1, [32, 32], 'evaluate').graph);

describe('a network that PyTorch exported as ONNX', () => {
  const read = async (name: string) => {
    const source = goldenPath(`onnx/${name}.onnx`);
    return matchWeights(await readWeights(source), wanted, { source, newHead: false });
  };

  test.each(['kept', 'constants', 'external'])(
    '%s.onnx has the weights that the network had',
    async (name) => {
      const { state, report } = await read(name);
      const { tensors } = golden('onnx/weights');
      expect(report.format).toBe('ONNX');
      expect(state.size).toBe(47);
      for (const [key, numbers] of state) expect([key, numbers]).toEqual([key, tensors.get(key)!.data]);
    },
  );

  test('without its batch norms is refused, with advice on exporting', async () => {
    await expect(read('folded')).rejects.toThrow(
      /folded\.onnx is not of this model: .*batch norms were folded .* export it with torch\.onnx\.export\(…, training=torch\.onnx\.TrainingMode\.PRESERVE, do_constant_folding=False\)$/,
    );
  });
});
