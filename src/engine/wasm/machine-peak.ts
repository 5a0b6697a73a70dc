import type { MachinePeak } from '../engine.ts';
import { measurePeak, peakBytesPerThread } from '../machine-peak.ts';
import { CONTROL_BYTES, FIRST_BYTE, PAGE_BYTES, STACK_BYTES } from './memory.ts';
import type { KernelThread } from './threads.ts';

/** Measures the peaks on these threads, in a memory of its own that is gone afterwards. */
export async function measureWasmPeak(
  threads: readonly KernelThread[],
  session: number,
  module: WebAssembly.Module,
  allocate: (pages: number) => WebAssembly.Memory,
): Promise<MachinePeak> {
  const bytes = peakBytesPerThread(threads.length);
  const stackTop = (thread: number) => FIRST_BYTE + (thread + 1) * STACK_BYTES;
  const control = stackTop(threads.length - 1);
  const first = control + CONTROL_BYTES;
  const memory = allocate(Math.ceil((first + threads.length * bytes) / PAGE_BYTES));
  new Float32Array(memory.buffer, first, (threads.length * bytes) / 4).fill(1);
  await Promise.all(
    threads.map((thread, i) => thread.send({ kind: 'open', session, module, memory, stackTop: stackTop(i) })),
  );
  try {
    return await measurePeak(threads.length, async (kernel, offset, amount) => {
      const call = (thread: KernelThread, i: number) => {
        const args = [first + i * bytes + offset, amount, control, threads.length];
        return thread.send({ kind: 'call', session, kernel, args });
      };
      return Math.min(...(await Promise.all(threads.map(call))));
    });
  } finally {
    await Promise.all(threads.map((thread) => thread.send({ kind: 'close', session })));
  }
}
