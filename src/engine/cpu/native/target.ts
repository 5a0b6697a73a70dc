import { type CpuTarget, cpuTarget, type Products } from '../../../target/cpu/target.ts';
import type { NativeIsa } from './module.ts';

/** bfloat16 products of the instruction sets that have them. */
const PRODUCTS_OF: Readonly<Partial<Record<NativeIsa, Products>>> = { amx: 'tiles', 'avx512-bf16': 'pairs' };

/** The compilation target of an instruction set. */
export function nativeTarget(isa: NativeIsa): CpuTarget {
  const products = PRODUCTS_OF[isa];
  return cpuTarget({ ...(products && { products }) });
}
