/**
 * What is alike in Node and in the browser: networks, their compiler and the engines that need no files. Nothing here
 * names an engine: import one beside it and hand it what `compile` made.
 */
export { type Compiled, type CompileOptions, compile, type ProgramRequest } from './compile.ts';
export { DataError, type Dataset, type TrainTest } from './data/dataset.ts';
export { createWasmEngine, WASM_ISAS, type WasmIsa, type WasmKernels } from './engine/cpu/wasm/engine.ts';
export { type Engine, EngineError, NonFiniteError, type Outputs, type Session } from './engine/engine.ts';
export { createReferenceEngine } from './engine/reference/engine.ts';
export { matchWeights, type WeightsReport } from './io/match-weights.ts';
export { decodeSafetensors, encodeSafetensors, SafetensorsError } from './io/safetensors.ts';
export type { EngineOptions } from './library/engine-source.ts';
export type { LabelledImage, LabelledImages, ProgramData, ProgramImages } from './library/fit-data.ts';
export type { FitOptions, FitSettings } from './library/fit-options.ts';
export type { WeightsOptions } from './library/from-weights.ts';
export type { ImageInput, PixelImage } from './library/images.ts';
export type { Prediction, PredictOptions } from './library/network.ts';
export { type CifarDenseNetOptions, cifarDensenet } from './model/cifar-densenet.ts';
export { type DenseNetOptions, denseLayer, densenet, transition } from './model/densenet.ts';
export { everythingBut } from './model/freeze.ts';
export { initialNumbers } from './model/initialize.ts';
export * from './model/module.ts';
export { type ResNetOptions, resnet } from './model/resnet.ts';
export { type TorchvisionDenseNetOptions, torchvisionDensenet } from './model/torchvision-densenet.ts';
export { type TorchvisionResNetOptions, torchvisionResnet } from './model/torchvision-resnet.ts';
export { imageSizeOf, MODEL_NAMES, modelByName } from './model/zoo.ts';
export { plannedPeakBytes } from './plan/plan.ts';
export { ArgumentError } from './tensor/argument.ts';
export { InputError } from './tensor/input-error.ts';
export type { Precision } from './tensor/precision.ts';
export { ShapeError } from './tensor/shape.ts';
export { ConfigError, type RunConfig } from './train/config.ts';
export type { CurvePoint, TrainEvent, TrainListener } from './train/events.ts';
export { loadState } from './train/initial-state.ts';
export { PauseGate } from './train/pause-gate.ts';
export { type FormField, parseSetting, settingsForm } from './train/settings/form.ts';
