/** Densor in Node: what is alike everywhere, and what reads files, images and native kernels. */
export { type Batch, DataError, type Dataset, type TrainTest } from './data/dataset.ts';
export type { ImageFolderOptions } from './data/image-folder/open.ts';
export { Loader, type LoaderOptions } from './data/loader.ts';
export { openDataset } from './data/open-dataset.ts';
export type { DataProgress } from './data/progress.ts';
export { createNativeEngine, NATIVE_ISAS, type NativeIsa } from './engine/cpu/native/engine.ts';
export { loadNativeModule, nativeIsas } from './engine/cpu/native/load-module.ts';
export { loadWasmModule } from './engine/cpu/wasm/load-module.ts';
export { OnnxError } from './io/onnx/error.ts';
export { type OnnxWeights, readOnnxWeights } from './io/onnx/read.ts';
export { encodeOnnx, type OnnxModel } from './io/onnx/write.ts';
export { TorchFileError } from './io/torch/error.ts';
export { decodeWeights, readWeights, type Weights, WeightsError, type WeightTensor } from './io/weights.ts';
export * from './portable.ts';
export { CheckpointError, loadCheckpoint, saveCheckpoint } from './train/checkpoint.ts';
export { compileRun } from './train/compile-run.ts';
export type { CurvePoint, TrainEvent, TrainListener } from './train/events.ts';
export { train } from './train/trainer.ts';
