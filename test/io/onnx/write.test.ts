import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { stateOf } from '../../../src/compile.ts';
import { conv2d, flatten, linear, type Model, relu, sequential } from '../../../src/index.ts';
import { OnnxError } from '../../../src/io/onnx/error.ts';
import { readOnnxWeights } from '../../../src/io/onnx/read.ts';
import { encodeOnnx } from '../../../src/io/onnx/write.ts';
import { trace } from '../../../src/model/trace.ts';
import { fusePrologues } from '../../../src/plan/rewrite/fuse-prologues.ts';
import { VERSION } from '../../../src/version.ts';
import { bottleneckNet, onnxOf, randomState } from '../../support/onnx.ts';
import { messageType } from '../../support/onnx-messages.ts';

const SIZE = [32, 32] as const;
const model = bottleneckNet();
const state = randomState(model, SIZE, 3);
const { graph } = trace(model, 1, SIZE, 'evaluate');
const decode = (bytes: Uint8Array) => {
  const type = messageType('ModelProto');
  return type.toObject(type.decode(bytes), { longs: Number });
};

describe('an ONNX file', () => {
  const metadata = new Map([
    ['classes', '5'],
    ['class_names', '["é","b"]'],
  ]);
  const file = Buffer.concat(encodeOnnx({ name: 'net', graph, state, metadata, docString: 'A net.' }));

  test('says what it is and who wrote it', () => {
    expect(decode(file)).toMatchObject({
      ir_version: 8,
      opset_import: [{ domain: '', version: 17 }],
      producer_name: 'densor',
      producer_version: JSON.parse(readFileSync('package.json', 'utf8')).version,
      doc_string: 'A net.',
      metadata_props: [...metadata].map(([key, value]) => ({ key, value })),
      graph: { name: 'net' },
    });
    expect(VERSION).toBe(JSON.parse(readFileSync('package.json', 'utf8')).version);
  });

  test('takes any number N of images and gives as many rows of logits', () => {
    const ends = (name: string, ...sizes: number[]) => ({
      name,
      type: {
        tensor_type: {
          elem_type: 1,
          shape: { dim: [{ dim_param: 'N' }, ...sizes.map((size) => ({ dim_value: size }))] },
        },
      },
    });
    expect(decode(file).graph.input).toEqual([ends('images', 3, 32, 32)]);
    expect(decode(file).graph.output).toEqual([ends('logits', 5)]);
  });

  test("holds every parameter and running statistic under PyTorch's name, and gives them back", () => {
    const { tensors, metadata: read } = readOnnxWeights(file, 'file');
    expect([...tensors.keys()]).toEqual([...graph.state.keys()]);
    expect(tensors.has('features.denseblock2.denselayer3.norm2.running_var')).toBe(true);
    for (const [name, { shape }] of stateOf(graph)) {
      expect(tensors.get(name)).toEqual({ shape, data: state.get(name) });
    }
    expect(read).toEqual(metadata);
  });

  test('is the same, byte for byte, for the same network, whether its numbers are float32 or float64', () => {
    const doubles = new Map([...state].map(([name, data]) => [name, Float64Array.from(data)]));
    const again = encodeOnnx({ name: 'net', graph, state: doubles, metadata, docString: 'A net.' });
    expect(Buffer.concat(again).equals(file)).toBe(true);
  });

  test('gives nodes and values unique names, even if layers have equal names or the name of a tensor', () => {
    const twins = { name: 't', channels: 1, classes: 1 };
    const names: Model = {
      ...twins,
      root: {
        kind: 'sequential',
        children: [
          ['', relu()],
          ['', relu()],
          ['logits', conv2d(1, 1)],
          ['images', sequential([flatten(), linear(1)])],
        ],
      },
    };
    const { node } = decode(onnxOf(names, [2, 2], randomState(names, [2, 2], 1))).graph;
    const written = node.flatMap(({ output }: { output: string[] }) => output);
    expect(new Set(written).size).toBe(5);
    expect(written.at(-1)).toBe('logits');
    expect(new Set(node.map(({ name }: { name: string }) => name)).size).toBe(5);
  });

  test('is refused beyond 2 GiB, before it is encoded', () => {
    const huge: Model = {
      name: 'huge',
      channels: 1,
      classes: 2 ** 15,
      root: sequential([flatten(), linear(2 ** 15)]),
    };
    const { graph } = trace(huge, 1, [128, 128], 'evaluate');
    const write = () => encodeOnnx({ name: 'huge', graph, state: new Map(), metadata, docString: '' });
    expect(write).toThrow(OnnxError);
    expect(write).toThrow('needs 2.00 GiB, an ONNX file holds at most 2: write safetensors instead');
  });

  test('is refused when a tensor is missing or of another size', () => {
    const without = new Map(state);
    without.delete('classifier.bias');
    const short = new Map(state).set('classifier.bias', new Float32Array(4));
    const write = (numbers: typeof state) => () =>
      encodeOnnx({ name: 'net', graph, state: numbers, metadata, docString: '' });
    expect(write(without)).toThrow('tensor classifier.bias has no numbers');
    expect(write(short)).toThrow('tensor classifier.bias has 4 numbers, 5 are wanted');
  });

  test.each([
    ['a training step', trace(model, 2, SIZE, 'train').graph],
    ['fused ops', fusePrologues(graph)],
  ])('is refused of %s', (_, given) => {
    const write = () => encodeOnnx({ name: 'net', graph: given, state, metadata, docString: '' });
    expect(write).toThrow(OnnxError);
    expect(write).toThrow(/has no place in an ONNX file/);
  });
});
