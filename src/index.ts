/**
 * Densor in Node: what is alike everywhere, and what reads files, images and native kernels.
 *
 * @module densor
 */
export type { Batch } from './data/dataset.ts';
export type { ImageFolderOptions } from './data/image-folder/open.ts';
export { Loader, type LoaderOptions } from './data/loader.ts';
export type { DataProgress } from './data/progress.ts';
export type { Moment } from './data/transforms/augment.ts';
export type { Normalization } from './data/transforms/normalize.ts';
export { createNativeEngine, type NativeEngineOptions } from './engine/cpu/native/engine.ts';
export { loadNativeModule, nativeIsas } from './engine/cpu/native/load-module.ts';
export { NATIVE_ISAS, type NativeIsa } from './engine/cpu/native/module.ts';
export { loadWasmModule } from './engine/cpu/wasm/load-module.ts';
export type { ReadBeside } from './io/named-weights.ts';
export { OnnxError } from './io/onnx/error.ts';
export { type OnnxWeights, readOnnxWeights } from './io/onnx/read.ts';
export { encodeOnnx, type OnnxModel } from './io/onnx/write.ts';
export { TorchFileError } from './io/torch/error.ts';
export { type Weights, WeightsError, type WeightTensor } from './io/weights.ts';
export { fit } from './library/node/fit.ts';
export { fromWeights, type LoadOptions, loadRun, type NodeNetwork } from './library/node/network.ts';
export { type FolderOptions, openDataset } from './node/data/open-dataset.ts';
export { decodeWeights, readWeights } from './node/weights-file.ts';
export * from './portable.ts';
export { loadCheckpoint, saveCheckpoint } from './run/checkpoint-file.ts';
export {
  type Checkpoint,
  CheckpointError,
  type LoadedCheckpoint,
  readerOf,
  type StateNumbers,
  type StateReader,
} from './train/checkpoint.ts';
export { compileRun } from './train/compile-run.ts';
export { train } from './train/trainer.ts';
export type { TrainingResult, TrainingRun } from './train/training-run.ts';
