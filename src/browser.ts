/**
 * Densor in a page (`densor/browser`): what is alike everywhere is listed with `densor`.
 *
 * @module densor-browser
 */

export type { ByteDataset, NamedFiles } from './data/dataset.ts';
export { FASHION_CLASSES } from './data/dataset-names.ts';
export { type IdxDescription, type IdxSplits, readIdx } from './data/idx.ts';
export type { DecodedImage, ImageDecoder, OpenedImage } from './data/image.ts';
export { fetchWasmModule } from './engine/cpu/wasm/fetch-module.ts';
export { CANVAS_DECODER, PAGE_DECODER } from './library/page/decoder.ts';
export { type FilesOptions, openFiles, type PlacedFile } from './library/page/files.ts';
export { fit, type OnCheckpoint, type PageFitOptions } from './library/page/fit.ts';
export {
  type FileInput,
  fromWeights,
  loadRun,
  type PageNetwork,
  type PageOptions,
} from './library/page/network.ts';
export * from './portable.ts';
