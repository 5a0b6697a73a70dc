/** Densor in a page (`densor/browser`). */
export { fetchWasmModule } from './engine/cpu/wasm/fetch-module.ts';
export * from './portable.ts';
