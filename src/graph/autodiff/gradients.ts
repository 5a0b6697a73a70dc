import type { GraphBuilder } from '../build.ts';
import type { Layer } from '../layer.ts';
import type { Correction, GradOutput, OpSpec, ValueId } from '../op.ts';

/** An op of the backward pass, which gets its phase here. */
export type GradientSpec = OpSpec extends infer Each
  ? Each extends OpSpec
    ? Omit<Each, 'phase'>
    : never
  : never;

/**
 * The gradients known so far, while ops are visited in reverse. Contributions to one value form a chain: each
 * op adds to what the one before it left (`accumulate`), so that a plan can let them all work in one place.
 */
export class Gradients {
  readonly #builder: GraphBuilder;
  readonly #needed: ReadonlySet<ValueId>;
  readonly #total = new Map<ValueId, ValueId>();
  readonly #pending = new Map<ValueId, Correction>();
  #unitRoot: ValueId | undefined;

  constructor(builder: GraphBuilder, needed: ReadonlySet<ValueId>) {
    this.#builder = builder;
    this.#needed = needed;
  }

  /** What is known of a value's gradient from elsewhere. */
  start(id: ValueId, gradient: ValueId): void {
    this.#total.set(id, gradient);
  }

  startFromOne(root: ValueId): void {
    this.#unitRoot = root;
  }

  /** True for the scalar whose gradient is 1 by definition. */
  isUnitRoot(id: ValueId): boolean {
    return id === this.#unitRoot;
  }

  needs(id: ValueId): boolean {
    return this.#needed.has(id);
  }

  /** Size of a value along the axis that concatenation joins. */
  channels(id: ValueId): number {
    const shape = this.#builder.shapeOf(id);
    return shape.length === 1 ? shape[0]! : shape[1]!;
  }

  /** Adds an op between a gradient and those that read it. */
  through(spec: GradientSpec): ValueId {
    return this.#add(spec)[0]!;
  }

  /** Adds an op whose outputs are contributions to the gradients of `targets` (undefined: nobody wants that one). */
  contribute(spec: GradientSpec, targets: readonly (ValueId | undefined)[]): void {
    const wanted = targets.map((id) => (id !== undefined && this.needs(id) ? id : undefined));
    const accumulate = wanted.map((id) => (id === undefined ? undefined : this.#total.get(id)));
    const chained = accumulate.some((id) => id !== undefined);
    const outputs = this.#add(chained ? { ...spec, accumulate } : spec);
    wanted.forEach((id, i) => {
      if (id !== undefined) this.#total.set(id, outputs[i]!);
    });
  }

  /** Contributes channels [offset, offset + count) of a gradient that is complete: a view where that is possible. */
  contributeSlice(layer: Layer, target: ValueId, gradient: ValueId, offset: number, count: number): void {
    if (!this.needs(target)) return;
    const view = this.through({ kind: 'slice', layer, x: gradient, offset, count });
    if (!this.#total.has(target)) this.#total.set(target, view);
    else
      this.contribute({ kind: 'elementwiseGradInput', layer, x: target, gradOutput: { value: view } }, [
        target,
      ]);
  }

  /** Remembers the gradient through a feature's statistics until the feature's own producer is visited. */
  deferCorrection(layer: Layer, correction: Correction): void {
    if (!this.needs(correction.x)) return;
    if (this.#pending.has(correction.x)) {
      this.contribute({ kind: 'statisticsGrad', layer, correction }, [correction.x]);
    } else this.#pending.set(correction.x, correction);
  }

  /** The gradient so far, without a pending correction. */
  total(id: ValueId): ValueId | undefined {
    return this.#total.get(id);
  }

  /** The pending correction of a value, for an op that applies it itself. */
  correctionOf(id: ValueId): Correction | undefined {
    return this.#pending.get(id);
  }

  /** The gradient at an op's output, for an op that applies the correction as it reads. */
  at(output: ValueId, layer: Layer): GradOutput | undefined {
    const value = this.#total.get(output);
    const correction = this.correctionOf(output);
    if (value === undefined) {
      const complete = this.complete(output, layer);
      return complete === undefined ? undefined : { value: complete };
    }
    return correction ? { value, correction } : { value };
  }

  /** The whole gradient as one value: a pending correction is added by an op of its own. */
  complete(id: ValueId, layer: Layer): ValueId | undefined {
    const correction = this.#pending.get(id);
    if (correction) {
      this.#pending.delete(id);
      this.contribute({ kind: 'statisticsGrad', layer, correction }, [id]);
    }
    return this.#total.get(id);
  }

  #add(spec: GradientSpec): ValueId[] {
    return this.#builder.add({ ...spec, phase: 'backward' });
  }
}
