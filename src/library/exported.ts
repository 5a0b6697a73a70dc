import { stateOf } from '../compile.ts';
import { imageFolderOf } from '../data/dataset-names.ts';
import { cardMetadata, cardText, type ModelCard } from '../io/model-card.ts';
import { readOnnxWeights } from '../io/onnx/read.ts';
import { encodeOnnx } from '../io/onnx/write.ts';
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from '../io/safetensors.ts';
import { trace } from '../model/trace.ts';
import type { Trained } from '../train/trained.ts';
import { joined } from './joined.ts';

/** float32 tensors by PyTorch's names. */
type Tensors = ReadonlyMap<string, StoredTensor & { readonly data: Float32Array }>;

/** A trained network exported as a file. */
export interface ExportedFile {
  readonly chunks: readonly Uint8Array[];
  readonly bytes: number;
  readonly tensors: number;
  /** Number of elements of all tensors. */
  readonly numbers: number;
}

/** The information needed to use the exported network. */
export function cardOf({ config, model, classNames }: Trained): ModelCard {
  const { size, transforms } = config;
  return {
    model: config.model,
    channels: model.channels,
    size,
    classNames,
    isCropped: config.data !== undefined && imageFolderOf(config.data) !== undefined,
    ...(transforms?.normalization && { normalization: transforms.normalization }),
  };
}

/** An ONNX model of the evaluation graph, with the card in its metadata. */
export function onnxFile(trained: Trained): ExportedFile {
  const { model, config } = trained;
  const { graph } = trace(model, 1, [config.size, config.size], 'evaluate');
  const tensors = tensorsOf(trained);
  const card = cardOf(trained);
  const state = new Map([...tensors].map(([name, { data }]) => [name, data]));
  const metadata = cardMetadata(card);
  const chunks = encodeOnnx({ name: card.model, graph, state, metadata, docString: cardText(card) });
  requireSame(readOnnxWeights(joined(chunks), 'the ONNX file').tensors, tensors);
  return described(chunks, tensors);
}

/** The weights as safetensors with PyTorch's names, and the metadata `format: pt` of PyTorch's own files. */
export function safetensorsFile(trained: Trained): ExportedFile {
  const tensors = tensorsOf(trained);
  const metadata = new Map([['format', 'pt'], ...cardMetadata(cardOf(trained))]);
  const chunks = encodeSafetensors({ metadata, tensors });
  requireSame(decodeSafetensors(joined(chunks), 'the safetensors file').tensors, tensors);
  return described(chunks, tensors);
}

function tensorsOf({ model, config, checkpoint }: Trained): Tensors {
  const { graph } = trace(model, 1, [config.size, config.size], 'evaluate');
  return new Map(
    [...stateOf(graph)].map(([name, { shape }]) => {
      const numbers = checkpoint.state.get(name)!;
      return [name, { shape, data: numbers instanceof Float32Array ? numbers : Float32Array.from(numbers) }];
    }),
  );
}

function described(chunks: readonly Uint8Array[], tensors: Tensors): ExportedFile {
  const numbers = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
  return { chunks, bytes, tensors: tensors.size, numbers };
}

/** Checks that the encoded tensors decode to identical bytes. */
function requireSame(read: ReadonlyMap<string, StoredTensor>, written: Tensors): void {
  const bytesOf = ({ buffer, byteOffset, byteLength }: StoredTensor['data']) =>
    new Uint8Array(buffer, byteOffset, byteLength);
  const isSame = ([name, { shape, data }]: readonly [string, StoredTensor]) => {
    const tensor = read.get(name);
    if (`${tensor?.shape}` !== `${shape}`) return false;
    const [there, here] = [bytesOf(tensor!.data), bytesOf(data)];
    return there.length === here.length && there.every((byte, i) => byte === here[i]);
  };
  const wrong = [...written].find((entry) => !isSame(entry));
  if (wrong || read.size !== written.size) {
    throw new Error(
      `the file would not read back as it was (tensor ${wrong?.[0] ?? 'count'}): nothing was written`,
    );
  }
}
