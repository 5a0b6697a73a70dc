import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder, writeFileAtomic } from '../../node/files.ts';
import { loadCheckpoint } from '../../run/checkpoint-file.ts';
import { openRun } from '../../run/open-run.ts';
import { runFiles } from '../../run/run-folder.ts';
import { openWeights } from '../../run/weights-source.ts';
import { writeRun } from '../../run/write-run.ts';
import { decodeCheckpoint } from '../../train/checkpoint.ts';
import { ConfigError } from '../../train/config.ts';
import { importWeights } from '../../train/import-weights.ts';
import { type Trained, trainedOf } from '../../train/trained.ts';
import type { EngineOptions } from '../engine-source.ts';
import { type ExportedFile, onnxFile, safetensorsFile } from '../exported.ts';
import { importRequest, type WeightsOptions } from '../from-weights.ts';
import { TrainedNetwork } from '../network.ts';
import { said } from '../said.ts';
import { nodeHost } from './host.ts';

/** A trained network in Node, which can be saved to files. */
export class NodeNetwork extends TrainedNetwork {
  /**
   * Writes the run to a folder, for `loadRun` and the commands `predict`, `evaluate`, `export` and `train --from`.
   * Replaces the result of an earlier `save`.
   * @throws DataError if the folder is that of a training run with a log, or contains other files with these
   * names.
   */
  async save(folder: string): Promise<void> {
    this.requireOpen();
    requirePath(folder, 'save', 'a folder');
    const last = this.trained.checkpoint;
    await writeRun(folder, { last, best: this.bestCheckpoint() }, { replace: true });
  }

  /** Writes an ONNX model. Its metadata describe input and output. */
  async exportOnnx(file: string): Promise<void> {
    this.#export(file, 'exportOnnx', onnxFile);
  }

  /** Writes the weights as safetensors, with PyTorch's names. */
  async exportSafetensors(file: string): Promise<void> {
    this.#export(file, 'exportSafetensors', safetensorsFile);
  }

  #export(file: string, method: string, encode: (trained: Trained) => ExportedFile): void {
    this.requireOpen();
    requirePath(file, method, 'a file');
    makeFolder(dirname(file));
    writeFileAtomic(file, encode(this.trained).chunks);
  }
}

export interface LoadOptions extends EngineOptions {
  /** The last weights, or those of the best epoch. Default: `last`. */
  readonly checkpoint?: 'last' | 'best' | undefined;
}

/**
 * Opens the network of a run.
 * @param run the folder of a run, or one of its checkpoints, or that file's bytes.
 * @throws CheckpointError, SafetensorsError, ConfigError
 */
export async function loadRun(run: string | Uint8Array, options: LoadOptions = {}): Promise<NodeNetwork> {
  const { checkpoint = 'last' } = options;
  if (checkpoint !== 'last' && checkpoint !== 'best') {
    throw new ConfigError(`\`checkpoint\` is ${said(checkpoint)}: expected last or best`);
  }
  const host = nodeHost(options);
  if (run instanceof Uint8Array) {
    return new NodeNetwork(trainedOf('the checkpoint', decodeCheckpoint(run, 'the checkpoint')), host);
  }
  requirePath(run, 'loadRun', 'the folder of a run');
  if (existsSync(run) && statSync(run).isFile())
    return new NodeNetwork(trainedOf(run, loadCheckpoint(run)), host);
  const trained = openRun(run, checkpoint);
  const { best } = runFiles(run);
  const hasBest = checkpoint === 'last' && existsSync(best);
  return new NodeNetwork(trained, host, hasBest ? () => loadCheckpoint(best) : undefined);
}

/**
 * Creates a network with the weights of a file: `.safetensors`, `.pth`, `.onnx`, or a run.
 * @param model a network name (`MODEL_NAMES`), or a module description.
 * @param file its path or its bytes.
 * @throws WeightsError, ConfigError, TorchFileError, SafetensorsError, OnnxError
 */
export async function fromWeights(
  model: string | Trained['model'],
  file: string | Uint8Array,
  options: WeightsOptions & EngineOptions = {},
): Promise<NodeNetwork> {
  const request = importRequest(model, options);
  const host = nodeHost(options);
  if (!(file instanceof Uint8Array)) requirePath(file, 'fromWeights', 'a file of weights');
  const source = await openWeights(file, { note: () => {}, bytes: () => {} });
  return new NodeNetwork(trainedOf(source.source, importWeights(source, request).checkpoint), host);
}

function requirePath(path: unknown, method: string, what: string): asserts path is string {
  if (typeof path === 'string' && path !== '') return;
  throw new ConfigError(`${method} was given ${said(path)}: expected the path of ${what}`);
}
