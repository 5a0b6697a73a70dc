/** A training step that is measured beside PyTorch's. */
export interface GpuCase {
  /** A network of the zoo that bench/peers/pytorch_device.py also has. */
  readonly model: 'notes' | 'densenet121' | 'resnet18';
  readonly size: number;
  readonly batch: number;
}

/** Most important first. */
export const CASES: readonly GpuCase[] = [
  { model: 'notes', size: 96, batch: 256 },
  { model: 'notes', size: 224, batch: 256 },
  { model: 'densenet121', size: 224, batch: 64 },
  { model: 'resnet18', size: 224, batch: 128 },
];

/** For trying the bundle on an adapter in software. */
export const TINY_CASES: readonly GpuCase[] = [
  { model: 'notes', size: 32, batch: 2 },
  { model: 'resnet18', size: 32, batch: 2 },
];

/** The step that is measured on the CPU of the same machine. */
export const cpuCase = (isTiny: boolean): GpuCase => (isTiny ? TINY_CASES : CASES)[0]!;

/** Files of the one-step format, and the smaller ones alone. */
export const GOLDEN = ['small_avg', 'small_max', 'notes_net'] as const;
export const TINY_GOLDEN = ['small_avg'] as const;

export const nameOf = ({ model, size, batch }: GpuCase) => `${model}, ${size}×${size}, batch ${batch}`;

/** A form of PyTorch's step, as bench/peers/pytorch_device.py reads it. */
export interface PeerVariant {
  readonly tf32?: boolean;
  /** Automatic mixed precision in bfloat16. */
  readonly amp?: boolean;
  readonly channelsLast?: boolean;
  /** A captured CUDA graph. */
  readonly graph?: boolean;
  /** Copies the images from pinned memory in each step, as Densor's step does. */
  readonly upload?: boolean;
}

export const CUDA_VARIANTS: Readonly<Record<string, PeerVariant>> = {
  f32: {},
  tf32: { tf32: true },
  'amp-bf16+channels-last': { amp: true, channelsLast: true },
  'f32+channels-last': { channelsLast: true },
  'f32+upload': { upload: true },
  'f32+graph': { graph: true },
  'tf32+channels-last': { tf32: true, channelsLast: true },
  'tf32+channels-last+graph': { tf32: true, channelsLast: true, graph: true },
  'amp-bf16': { amp: true },
  'amp-bf16+channels-last+graph': { amp: true, channelsLast: true, graph: true },
};

export const CPU_VARIANTS: Readonly<Record<string, PeerVariant>> = {
  f32: {},
  'f32+channels-last': { channelsLast: true },
  'amp-bf16+channels-last': { amp: true, channelsLast: true },
};
