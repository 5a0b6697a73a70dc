import type { GraphBuilder } from '../build.ts';
import type { Layer } from '../layer.ts';
import type { Correction, GradOutput, OpSpec, ValueId } from '../op.ts';

/** An op of the backward pass; its phase is set here. */
export type GradientSpec = OpSpec extends infer Each
  ? Each extends OpSpec
    ? Omit<Each, 'phase'>
    : never
  : never;

/**
 * The gradients accumulated so far, while ops are visited in reverse. Contributions to one value form a chain: each
 * op adds to the result of the previous one (`accumulate`), so that a plan can run all of them in place.
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

  /** Sets the starting gradient of a value. */
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

  /** Size of a value along the concatenation axis. */
  channels(id: ValueId): number {
    const shape = this.#builder.shapeOf(id);
    return shape.length === 1 ? shape[0]! : shape[1]!;
  }

  /** Adds an op between a gradient and its readers. */
  through(spec: GradientSpec): ValueId {
    return this.#add(spec)[0]!;
  }

  /** Adds an op whose outputs are contributions to the gradients of `targets` (undefined: not requested). */
  contribute(spec: GradientSpec, targets: readonly (ValueId | undefined)[]): void {
    const wanted = targets.map((id) => (id !== undefined && this.needs(id) ? id : undefined));
    const accumulate = wanted.map((id) => (id === undefined ? undefined : this.#total.get(id)));
    const chained = accumulate.some((id) => id !== undefined);
    const outputs = this.#add(chained ? { ...spec, accumulate } : spec);
    wanted.forEach((id, i) => {
      if (id !== undefined) this.#total.set(id, outputs[i]!);
    });
  }

  /** Contributes channels [offset, offset + count) of a complete gradient, as a view where possible. */
  contributeSlice(layer: Layer, target: ValueId, gradient: ValueId, offset: number, count: number): void {
    if (!this.needs(target)) return;
    const view = this.through({ kind: 'slice', layer, x: gradient, offset, count });
    if (!this.#total.has(target)) this.#total.set(target, view);
    else
      this.contribute({ kind: 'elementwiseGradInput', layer, x: target, gradOutput: { value: view } }, [
        target,
      ]);
  }

  /** Stores the gradient through a feature's statistics until the producer of the feature is visited. */
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

  /** The gradient at an op's output, for an op that applies the correction while reading. */
  at(output: ValueId, layer: Layer): GradOutput | undefined {
    const value = this.#total.get(output);
    const correction = this.correctionOf(output);
    if (value === undefined) {
      const complete = this.complete(output, layer);
      return complete === undefined ? undefined : { value: complete };
    }
    return correction ? { value, correction } : { value };
  }

  /** The whole gradient as one value: a separate op adds a pending correction. */
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
