import { DROPOUT, GRAD_INPUT, GRAD_OUTPUT, type KernelSpec, PARTIALS, PROLOGUE, WINDOW } from './groups.ts';

/** Records over all pixels and channels of a map. */
export const maps = {
  /** y = or += prologue(x). */
  elementwise: {
    sources: ['tile', 'gather', 'elementwise'],
    fields: {
      x: 'Map',
      ...PROLOGUE,
      y: 'Map',
      ...PARTIALS,
      accumulate: 'flag',
      pixels: 'u32',
      channels: 'u32',
      tiles: 'u32',
      panels: 'u32',
    },
  },
  /** y = or += dropout(x), where x may be a gradient with its correction. */
  dropout: {
    sources: ['random', 'tile', 'gather', 'dropout'],
    fields: {
      ...GRAD_OUTPUT,
      ...DROPOUT,
      y: 'Map',
      ...PARTIALS,
      accumulate: 'flag',
      imagePixels: 'u32',
      pixels: 'u32',
      channels: 'u32',
      tiles: 'u32',
      panels: 'u32',
    },
  },
  pool: {
    sources: ['tile', 'gather', 'pool'],
    fields: {
      x: 'Map',
      ...PROLOGUE,
      max: 'flag',
      /** Selects the largest sign(gamma)·x instead of the largest x. */
      gamma: 'Vector',
      y: 'Map',
      ...PARTIALS,
      index: 'Index',
      indexStride: 'u32',
      kernelHeight: 'u32',
      ...WINDOW,
      height: 'u32',
      width: 'u32',
      outWidth: 'u32',
      outPixels: 'u32',
      pixels: 'u32',
      channels: 'u32',
      tiles: 'u32',
      panels: 'u32',
    },
  },
  /** Input gradient of a pooling or (neither flag) of an elementwise op. */
  mapGradInput: {
    sources: ['tile', 'grad_input', 'map_grad_input'],
    fields: {
      ...GRAD_OUTPUT,
      ...GRAD_INPUT,
      max: 'flag',
      average: 'flag',
      /** Adds ownSlope·x + ownIntercept to the gradient: the correction of x itself. */
      ownSlope: 'Vector',
      ownIntercept: 'Vector',
      index: 'Index',
      indexStride: 'u32',
      kernelHeight: 'u32',
      ...WINDOW,
      width: 'u32',
      inPixels: 'u32',
      outHeight: 'u32',
      outWidth: 'u32',
      pixels: 'u32',
      channels: 'u32',
      tiles: 'u32',
      panels: 'u32',
    },
  },
} as const satisfies Readonly<Record<string, KernelSpec>>;
