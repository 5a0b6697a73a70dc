/** The API for pages (`densor/browser`). */
export type { ImageDecoder } from './data/image.ts';
export { fetchWasmModule } from './engine/cpu/wasm/fetch-module.ts';
export { CANVAS_DECODER, PAGE_DECODER } from './library/page/decoder.ts';
export { fit, type PageFitOptions } from './library/page/fit.ts';
export {
  type FileInput,
  fromWeights,
  loadRun,
  type PageNetwork,
  type PageOptions,
} from './library/page/network.ts';
export * from './portable.ts';
