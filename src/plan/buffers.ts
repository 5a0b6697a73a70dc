import type { Op, ValueId } from '../graph/op.ts';
import { assertNever } from '../tensor/assert-never.ts';
import type { Purpose } from './purpose.ts';

/** A buffer of a plan: becomes an address when the plan is encoded. */
export type BufferId = number & { readonly brand: 'BufferId' };

/**
 * What lies in a buffer: state or an input of this name; a value of the planned graph, the root of its storage, and the
 * op that makes it; or what kernels of an op need for themselves.
 */
export type Content =
  | { readonly kind: 'state' | 'input'; readonly name: string }
  | { readonly kind: 'result'; readonly value: ValueId; readonly op: Op }
  | { readonly kind: 'temporary'; readonly op: Op; readonly what: string };

/** A buffer before it has an address. */
export interface BufferSpec extends Purpose {
  readonly id: BufferId;
  readonly content: Content;
  readonly bytes: number;
}

/** What messages and tables call a buffer. Nothing is found by it. */
export function bufferName(content: Content): string {
  switch (content.kind) {
    case 'state':
    case 'input':
      return content.name;
    case 'result':
      return `${content.op.layer.label} ${content.op.kind}`;
    case 'temporary':
      return `${content.op.layer.label} ${content.what}`;
    default:
      return assertNever(content);
  }
}

/** Where a vector starts inside a buffer, in numbers. */
export interface Vector {
  readonly address: BufferId | undefined;
  readonly offset: number;
}

/**
 * Channels [offset, offset + C) of every pixel of a buffer of [N, H, W, stride]. `elementBytes` 4: float32, 2: bfloat16.
 * Offset and stride count numbers; images lie without a gap.
 */
export interface View {
  readonly address: BufferId | undefined;
  readonly offset: number;
  readonly stride: number;
  readonly elementBytes: number;
}

/** Of a feature map. */
export interface Size {
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}
