/**
 * The part of the API shared by Node and the browser: networks, the compiler, and engines that need no files. `compile`
 * does not depend on an engine: import one and open a session with the compiled network.
 */
export {
  type Compiled,
  type CompileOptions,
  compile,
  type MemoryBudget,
  type ProgramRequest,
  type StepPart,
} from './compile.ts';
export {
  type BatchImages,
  DataError,
  type Dataset,
  type Labels,
  type PixelFile,
  type SkippedFile,
  type TrainTest,
} from './data/dataset.ts';
export {
  createWasmEngine,
  WASM_ISAS,
  type WasmEngineOptions,
  type WasmIsa,
  type WasmKernels,
} from './engine/cpu/wasm/engine.ts';
export {
  type Engine,
  EngineError,
  type Input,
  type MachinePeak,
  NonFiniteError,
  type NumberSource,
  type Numbers,
  type Outputs,
  type ProfiledRun,
  type RunScalars,
  type Session,
} from './engine/engine.ts';
export { createReferenceEngine } from './engine/reference/engine.ts';
export type { Optimizer, UpdateRule } from './graph/optimizer.ts';
export { type MatchedWeights, matchWeights, type WeightsReport } from './io/match-weights.ts';
export {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsContent,
  SafetensorsError,
  type StoredArray,
  type StoredTensor,
} from './io/safetensors.ts';
export type { WantedTensors } from './io/weight-names.ts';
export type { EngineOptions } from './library/engine-source.ts';
export type { BlockMaps, Explanation, FeatureMaps } from './library/explain.ts';
export type { LabelledImage, LabelledImages, ProgramData, ProgramImages } from './library/fit-data.ts';
export type { FitOptions, FitSettings } from './library/fit-options.ts';
export type { WeightsOptions } from './library/from-weights.ts';
export type { ImageInput, PixelImage } from './library/images.ts';
export type { Label } from './library/labels.ts';
export type { NearestOptions, Neighbour } from './library/nearest.ts';
export type { Prediction, PredictOptions } from './library/network.ts';
export { type CifarDenseNetOptions, cifarDensenet } from './model/cifar-densenet.ts';
export {
  type DenseNetOptions,
  denseLayer,
  densenet,
  type TransitionOptions,
  transition,
} from './model/densenet.ts';
export { everythingBut } from './model/freeze.ts';
export { type Initializer, initialNumbers } from './model/initialize.ts';
export * from './model/module.ts';
export { type ResNetOptions, resnet } from './model/resnet.ts';
export { type TorchvisionDenseNetOptions, torchvisionDensenet } from './model/torchvision-densenet.ts';
export { type TorchvisionResNetOptions, torchvisionResnet } from './model/torchvision-resnet.ts';
export type { LayerSummary } from './model/trace.ts';
export { imageSizeOf, MODEL_NAMES, type ModelOverrides, modelByName } from './model/zoo.ts';
export type { StateTensor } from './plan/compiled-network.ts';
export { plannedPeakBytes } from './plan/plan.ts';
export { ArgumentError } from './tensor/argument.ts';
export { InputError } from './tensor/input-error.ts';
export type { Precision } from './tensor/precision.ts';
export { type Pair, type Shape, ShapeError } from './tensor/shape.ts';
export { ConfigError, type RunConfig } from './train/config.ts';
export type { CurvePoint, PicturedMistake, TrainEvent, TrainListener } from './train/events.ts';
export { loadState } from './train/initial-state.ts';
export { PauseGate } from './train/pause-gate.ts';
export type { Mistake } from './train/scorecard.ts';
export { type FormField, parseSetting, settingsForm } from './train/settings/form.ts';
export type { Parsed } from './train/settings/parse.ts';
export type { CommandName } from './train/settings/setting.ts';
export type { SettingName } from './train/settings/table.ts';
