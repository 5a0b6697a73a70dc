import type { CompiledNetwork } from '../../plan/compiled-network.ts';
import { type CpuTarget, haveProducts, type Products, productsOf } from '../../target/cpu/target.ts';
import { EngineError } from '../engine.ts';

const TEXTS: Readonly<Record<Products, string>> = {
  none: 'any processor',
  pairs: 'dot products of bfloat16 pairs (avx512-bf16)',
  tiles: 'products of bfloat16 tiles (amx)',
};

/** @throws EngineError if a network was compiled for dot products that the kernels of this engine lack. */
export function requireTarget(
  { programs }: CompiledNetwork,
  engine: { readonly name: string; readonly isa: string; readonly target: CpuTarget },
): void {
  for (const [program, { plan }] of programs) {
    const want = productsOf(plan.target);
    if (want !== undefined && haveProducts(engine.target.products, want)) continue;
    const what = want === undefined ? plan.target.name : TEXTS[want];
    throw new EngineError(
      `program ${program} was compiled for ${what}, which the engine ${engine.name} ${engine.isa} does not have: compile it with the engine's target`,
    );
  }
}
