import { batchNorm, conv2d, type Module, relu, sequential } from '../../src/model/module.ts';

/** The convolution of a dense layer: 3×3, stride 1, padding 1. */
export const three = (channels: number, bias = true) => conv2d(channels, 3, { padding: 1, bias });

/** Modules preceded by a batch norm and a ReLU. */
export const activated = (...rest: readonly Module[]) => sequential([batchNorm(), relu(), ...rest]);
