/**
 * Densor as a library. Nothing here names an engine: import one beside it
 * (`createNativeEngine`, `createWasmEngine`, `createReferenceEngine`) and hand it what `compile` made.
 */
export { type Compiled, type CompileOptions, compile, type ProgramRequest } from './compile.ts';
export { type Batch, DataError, type Dataset, type TrainTest } from './data/dataset.ts';
export type { ImageFolderOptions } from './data/image-folder/open.ts';
export { Loader, type LoaderOptions } from './data/loader.ts';
export { openDataset } from './data/open-dataset.ts';
export type { DataProgress } from './data/progress.ts';
export { type Engine, EngineError, NonFiniteError, type Session } from './engine/engine.ts';
export { createNativeEngine, NATIVE_ISAS, type NativeIsa } from './engine/native/engine.ts';
export { loadNativeModule, nativeIsas } from './engine/native/load-module.ts';
export { createReferenceEngine } from './engine/reference/engine.ts';
export { createWasmEngine, WASM_ISAS, type WasmIsa } from './engine/wasm/engine.ts';
export { loadWasmModule } from './engine/wasm/load-module.ts';
export { OnnxError } from './io/onnx/error.ts';
export { type OnnxWeights, readOnnxWeights } from './io/onnx/read.ts';
export { encodeOnnx, type OnnxModel } from './io/onnx/write.ts';
export { decodeSafetensors, encodeSafetensors, SafetensorsError } from './io/safetensors.ts';
export { TorchFileError } from './io/torch/error.ts';
export { matchWeights, type WeightsReport } from './io/weight-names.ts';
export { decodeWeights, readWeights, type Weights, WeightsError, type WeightTensor } from './io/weights.ts';
export { type CifarDenseNetOptions, cifarDensenet } from './model/cifar-densenet.ts';
export { type DenseNetOptions, denseLayer, densenet, transition } from './model/densenet.ts';
export { everythingBut } from './model/freeze.ts';
export { initialNumbers } from './model/initialize.ts';
export * from './model/module.ts';
export { type ResNetOptions, resnet } from './model/resnet.ts';
export { type TorchvisionDenseNetOptions, torchvisionDensenet } from './model/torchvision-densenet.ts';
export { imageSizeOf, MODEL_NAMES, modelByName } from './model/zoo.ts';
export { plannedPeakBytes } from './plan/plan.ts';
export type { Precision } from './tensor/precision.ts';
export { ShapeError } from './tensor/shape.ts';
export { CheckpointError, loadCheckpoint, saveCheckpoint } from './train/checkpoint.ts';
export { compileRun } from './train/compile-run.ts';
export type { CurvePoint, TrainEvent, TrainListener } from './train/events.ts';
export { train } from './train/trainer.ts';
