import { decodeLatin1 } from './latin1.ts';
import { type Weights, WeightsError, type WeightTensor } from './named-weights.ts';
import { readOnnxWeights } from './onnx/read.ts';
import { decodeSafetensors, type SafetensorsContent } from './safetensors.ts';
import { decodeTorchFile, isLegacyTorchFile, isZip } from './torch/read.ts';
import { stateDictOf } from './torch/state-dict.ts';
import type { ZipReader } from './torch/zip.ts';

export { type Weights, WeightsError, type WeightTensor };

interface WeightFormat {
  readonly name: string;
  readonly recognizes: (bytes: Uint8Array) => boolean;
  readonly decode: (bytes: Uint8Array, source: string, zip: ZipReader) => Promise<Omit<Weights, 'format'>>;
}

/** The first byte of a `ModelProto`: field 1, `ir_version`, a varint. */
const IR_VERSION_TAG = 0x08;

/** Told apart by content, never by the file's name. A further format is one more line. */
const FORMATS: readonly WeightFormat[] = [
  {
    name: 'torch.save',
    recognizes: (bytes) => isZip(bytes) || isLegacyTorchFile(bytes),
    decode: async (bytes, source, zip) => stateDictOf(await decodeTorchFile(bytes, source, zip), source),
  },
  {
    name: 'safetensors',
    recognizes: (bytes) => bytes.length > 8 && bytes[8] === 0x7b, // The header's `{` behind its length.
    decode: async (bytes, source) => named(decodeSafetensors(bytes, source)),
  },
  {
    name: 'ONNX',
    recognizes: (bytes) => bytes[0] === IR_VERSION_TAG && bytes.length > 2,
    decode: async (bytes, source) => named(readOnnxWeights(bytes, source)),
  },
];

/** Files that people take for weights that can be read, by their first bytes. */
const OTHERS: readonly (readonly [name: string, begin: string])[] = [
  ['an HDF5 file (Keras)', '\x89HDF\r\n'],
  ['a pickle of its own (not of torch.save)', '\x80'],
  ['gzip: unpack it first', '\x1f\x8b'],
  ['an empty zip', 'PK\x05\x06'],
];

/**
 * Reads a file of weights of any known format.
 * @param source the file's name in messages.
 * @param zip reads those files of torch.save that are zip files.
 * @throws WeightsError when it is of none; TorchFileError, SafetensorsError or OnnxError when it is damaged or asks for too much.
 */
export async function decodeWeights(bytes: Uint8Array, source: string, zip: ZipReader): Promise<Weights> {
  const format = FORMATS.find(({ recognizes }) => recognizes(bytes));
  if (format) return { format: format.name, ...(await format.decode(bytes, source, zip)) };
  const start = decodeLatin1(bytes.subarray(0, 16));
  const [other] = OTHERS.find(([, begin]) => start.startsWith(begin)) ?? ['of another format'];
  throw new WeightsError(
    `${source} is ${other}: expected a file of weights: ${FORMATS.map(({ name }) => name).join(', ')}`,
  );
}

function named({ metadata, tensors }: SafetensorsContent): Omit<Weights, 'format'> {
  const weights = [...tensors].map(([name, { shape, data }]): [string, WeightTensor] => {
    const read = () =>
      data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number | bigint>, Number);
    return [name, { shape, read }];
  });
  return { tensors: new Map(weights), metadata, notes: [] };
}
