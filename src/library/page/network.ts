import { DataError } from '../../data/dataset.ts';
import type { ImageDecoder } from '../../data/image.ts';
import { Sha256 } from '../../data/sha256.ts';
import { createWasmEngine } from '../../engine/cpu/wasm/engine.ts';
import { fetchWasmModule } from '../../engine/cpu/wasm/fetch-module.ts';
import { mostPageThreads } from '../../engine/cpu/wasm/page-threads.ts';
import { EngineError } from '../../engine/engine.ts';
import type { ZipReader } from '../../io/torch/zip.ts';
import type { Model } from '../../model/module.ts';
import { decodeCheckpoint } from '../../train/checkpoint.ts';
import { ConfigError } from '../../train/config.ts';
import { importWeights } from '../../train/import-weights.ts';
import { trainedOf } from '../../train/trained.ts';
import type { WeightsSource } from '../../train/weights-source.ts';
import { type EngineOptions, engineSource, type OpenEngine } from '../engine-source.ts';
import { importRequest, type WeightsOptions } from '../from-weights.ts';
import { encodedBytes } from '../images.ts';
import { joined } from '../joined.ts';
import { encoded } from '../kept-checkpoints.ts';
import { type NetworkHost, TrainedNetwork } from '../network.ts';
import { said } from '../said.ts';
import { PAGE_DECODER } from './decoder.ts';

/** A file in a page: the response of `fetch`, or bytes. */
export type FileInput = Response | Blob | ArrayBuffer | Uint8Array;

/** Selects engine and decoder in a page. */
export interface PageOptions extends EngineOptions {
  /** URL of the package's `dist/kernels/`. Default: that of the bundler (`fetchWasmModule`). */
  readonly kernels?: string | URL | undefined;
  /** Default: `PAGE_DECODER`. */
  readonly decoder?: ImageDecoder | undefined;
}

/** A trained network in a page, which can be saved as bytes. */
export class PageNetwork extends TrainedNetwork {
  /**
   * The run as the bytes of its checkpoint, for `loadRun` here and in Node (there also as `last.safetensors` in a
   * folder).
   */
  async save(): Promise<Uint8Array<ArrayBuffer>> {
    this.requireOpen();
    return encoded(this.trained.checkpoint);
  }

  /** An ONNX model. Its metadata describe input and output. */
  async exportOnnx(): Promise<Uint8Array<ArrayBuffer>> {
    this.requireOpen();
    const { onnxFile } = await import('../exported.ts');
    return joined(onnxFile(this.trained).chunks);
  }

  /** The weights as safetensors, with PyTorch's names. */
  async exportSafetensors(): Promise<Uint8Array<ArrayBuffer>> {
    this.requireOpen();
    const { safetensorsFile } = await import('../exported.ts');
    return joined(safetensorsFile(this.trained).chunks);
  }
}

/**
 * Opens the network of a run. @param run its checkpoint. @throws CheckpointError, SafetensorsError, ConfigError,
 * DataError
 */
export async function loadRun(run: FileInput, options: PageOptions = {}): Promise<PageNetwork> {
  const { bytes, name } = await fileOf(run, 'loadRun', 'a checkpoint');
  return new PageNetwork(trainedOf(name, decodeCheckpoint(bytes, name)), hostOf(options));
}

/**
 * Creates a network with the weights of a file: safetensors, ONNX, or a run.
 * @param model a network name (`MODEL_NAMES`), or a module description.
 * @throws WeightsError, ConfigError, SafetensorsError, OnnxError
 */
export async function fromWeights(
  model: string | Model,
  file: FileInput,
  { kernels, decoder, ...options }: WeightsOptions & PageOptions = {},
): Promise<PageNetwork> {
  const request = importRequest(model, options);
  const source = await openWeights(file, 'fromWeights');
  const network = trainedOf(source.source, importWeights(source, request).checkpoint);
  return new PageNetwork(network, hostOf({ ...options, kernels, decoder }));
}

/** Decodes a weight file. @throws as `fromWeights` */
export async function openWeights(file: FileInput, method: string): Promise<WeightsSource> {
  const { bytes, name } = await fileOf(file, method, 'a file of weights');
  // Loaded on demand, because the ONNX schema is large.
  const [{ decodeWeights }, { weightsSource }] = await Promise.all([
    import('../../io/weights.ts'),
    import('../../train/read-weights.ts'),
  ]);
  const weights = await decodeWeights(bytes, name, { zip: NO_ZIP });
  return weightsSource(weights, bytes, { source: name, sha256: new Sha256().update(bytes).hex() });
}

const NO_ZIP: ZipReader = {
  entriesOf: async () => {
    throw new Error('a page reads no zip files: turn a .pth file into safetensors first');
  },
  inflate: (packed) => packed,
};

export function hostOf({ decoder = PAGE_DECODER, kernels, ...options }: PageOptions): NetworkHost {
  return { decoder, engine: engineSource(options, openerOf(kernels)) };
}

/** Opens the engines available in a page. */
export function openerOf(kernels: PageOptions['kernels']): OpenEngine {
  return async (name, threads = mostPageThreads()) => {
    // Fetched by those who ask for it.
    if (name === 'reference')
      return (await import('../../engine/reference/engine.ts')).createReferenceEngine();
    if (name === 'native')
      throw new EngineError('a page has no engine native: expected auto, wasm, webgpu or reference');
    if (name === 'webgpu') {
      const [{ openDevice, pageGpu }, { createWebgpuEngine }] = await Promise.all([
        import('../../engine/webgpu/device.ts'),
        import('../../engine/webgpu/engine.ts'),
      ]);
      return createWebgpuEngine({ device: await openDevice({ gpu: pageGpu() }) });
    }
    return createWasmEngine({ threads, ...(await fetchWasmModule(kernels)) });
  };
}

async function fileOf(
  file: FileInput,
  method: string,
  what: string,
): Promise<{ readonly bytes: Uint8Array; readonly name: string }> {
  if (file instanceof Response) {
    const name = file.url || 'the answer';
    if (!file.ok) throw new DataError(`${name} answers with status ${file.status}: expected ${what}`);
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (bytes[0] !== 0x3c) return { bytes, name };
    throw new DataError(`${name} is a page of HTML: expected ${what}; is the address right?`);
  }
  const bytes = await encodedBytes(file);
  if (bytes) return { bytes, name: file instanceof File ? file.name : 'the file' };
  throw new ConfigError(
    `${method} was given ${said(file)}: expected ${what}, as \`await fetch(address)\`, a Blob or bytes`,
  );
}
