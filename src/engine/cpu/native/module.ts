/** Instruction sets the kernels are built for, the fastest first; a machine supports some of them. */
export const NATIVE_ISAS = ['amx', 'avx512-bf16', 'avx512', 'avx2', 'neon', 'scalar'] as const;
/** An instruction set of the native kernels. */
export type NativeIsa = (typeof NATIVE_ISAS)[number];

/** Handles of a C++ thread pool and of a memory range: opaque outside the module. */
export type PoolHandle = object & { readonly brand: 'PoolHandle' };
export type MemoryHandle = object & { readonly brand: 'MemoryHandle' };

/** Exports of kernels/bindings/napi.cpp. Offsets are bytes from the start of a memory. */
export interface NativeModule {
  /** `interfaceVersion()` of the sources it was compiled from. */
  readonly interfaceVersion: number;
  createPool(threads: number): PoolHandle;
  allocate(bytes: number): MemoryHandle;
  read(memory: MemoryHandle, offset: number, floats: number): Float32Array;
  write(memory: MemoryHandle, offset: number, numbers: Float32Array | Int32Array | Uint32Array): void;
  run(pool: PoolHandle, memory: MemoryHandle, offsets: readonly number[], records: number): Promise<void>;
  peak(pool: PoolHandle, memory: MemoryHandle, offsets: readonly number[], amount: number): Promise<number>;
  closePool(pool: PoolHandle): void;
  closeMemory(memory: MemoryHandle): void;
}
