import { decodeLatin1 } from './latin1.ts';
import { type ReadBeside, type Weights, WeightsError, type WeightTensor } from './named-weights.ts';
import { readOnnxWeights } from './onnx/read.ts';
import { decodeSafetensors, type SafetensorsContent } from './safetensors.ts';
import { SAVE_WEIGHTS } from './torch/error.ts';
import { decodeTorchFile, isLegacyTorchFile, isZip } from './torch/read.ts';
import { stateDictOf } from './torch/state-dict.ts';
import type { ZipReader } from './torch/zip.ts';

export { type Weights, WeightsError, type WeightTensor };

/** Platform services for reading weight files. */
export interface WeightsMachine {
  /** For files of torch.save in zip format. */
  readonly zip: ZipReader;
  /** For ONNX files with external data. */
  readonly beside?: ReadBeside | undefined;
}

interface WeightFormat {
  readonly name: string;
  readonly recognizes: (bytes: Uint8Array) => boolean;
  readonly decode: (
    bytes: Uint8Array,
    source: string,
    machine: WeightsMachine,
  ) => Promise<Omit<Weights, 'format'>>;
}

/** The first byte of a `ModelProto`: field 1, `ir_version`, a varint. */
const IR_VERSION_TAG = 0x08;

/** Formats are recognized by content, not by file name. */
const FORMATS: readonly WeightFormat[] = [
  {
    name: 'torch.save',
    recognizes: (bytes) => isZip(bytes) || isLegacyTorchFile(bytes),
    decode: async (bytes, source, { zip }) => stateDictOf(await decodeTorchFile(bytes, source, zip), source),
  },
  {
    name: 'safetensors',
    recognizes: (bytes) => bytes.length > 8 && bytes[8] === 0x7b, // The `{` of the header, after its length.
    decode: async (bytes, source) => named(decodeSafetensors(bytes, source)),
  },
  {
    name: 'ONNX',
    recognizes: (bytes) => bytes[0] === IR_VERSION_TAG && bytes.length > 2,
    decode: async (bytes, source, { beside }) => named(readOnnxWeights(bytes, source, beside)),
  },
];

/** Unsupported formats by their first bytes, or those at an offset, for error messages with advice. */
const OTHERS: readonly (readonly [magic: string, name: string, at?: number])[] = [
  ['ustar', 'a tar archive: unpack it first', 257],
  ['TFL3', 'a TensorFlow Lite model', 4],
  ['\x89HDF\r\n', 'an HDF5 file (Keras)'],
  ['\x80', `a pickle of its own (not of torch.save): ${SAVE_WEIGHTS}`],
  ['\x1f\x8b', 'packed with gzip: unpack it first'],
  ['BZh', 'packed with bzip2: unpack it first'],
  ['\xfd7zXZ\0', 'packed with xz: unpack it first'],
  ['\x28\xb5\x2f\xfd', 'packed with zstd: unpack it first'],
  ['7z\xbc\xaf\x27\x1c', 'a 7z archive: unpack it first'],
  ['PK\x05\x06', 'an empty zip'],
  ['\x93NUMPY', 'a NumPy array'],
  ['GGUF', 'a GGUF file (llama.cpp)'],
  ['{', `JSON; if it lists several files of weights, join them in one: ${SAVE_WEIGHTS}`],
  [
    'version https://git-lfs',
    'what Git LFS keeps instead of a file: get the file itself with `git lfs pull`',
  ],
  ['<', 'a page of the web or other text with tags, not what was to be downloaded'],
];

/**
 * Decodes a weight file of any supported format.
 * @param source name of the file in messages.
 * @throws WeightsError for other formats; TorchFileError, SafetensorsError or OnnxError if it is damaged or too
 * large.
 */
export async function decodeWeights(
  bytes: Uint8Array,
  source: string,
  machine: WeightsMachine,
): Promise<Weights> {
  const format = FORMATS.find(({ recognizes }) => recognizes(bytes));
  if (format) return { format: format.name, ...(await format.decode(bytes, source, machine)) };
  throw new WeightsError(
    `${source} is ${otherFormat(bytes)}; expected a file of weights: ${FORMATS.map(({ name }) => name).join(', ')}`,
  );
}

function otherFormat(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'empty';
  const has = (magic: string, at: number) => decodeLatin1(bytes.subarray(at, at + magic.length)) === magic;
  return OTHERS.find(([magic, , at = 0]) => has(magic, at))?.[1] ?? 'of another format';
}

function named({ metadata, tensors }: SafetensorsContent): Omit<Weights, 'format'> {
  const weights = [...tensors].map(([name, tensor]): [string, WeightTensor] => {
    const read = () => {
      const { data } = tensor;
      return data instanceof Float32Array
        ? data
        : Float32Array.from(data as ArrayLike<number | bigint>, Number);
    };
    return [name, { shape: tensor.shape, read }];
  });
  return { tensors: new Map(weights), metadata, notes: [] };
}
