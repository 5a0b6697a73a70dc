import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * V8 grows the young generation up to 48 MiB for programs that allocate many objects. Densor allocates few, and 1
 * MiB is as fast. The flag must be set before the heap grows, so this is the first import of the command line.
 */
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--expose-gc');

let collect: (() => void) | undefined;

/**
 * Returns memory used for reading data and compiling to the system, before long-lived memory is allocated.
 * Compacts the heap, because the rematerialization plans of a deep network otherwise leave 30 MiB of sparsely used
 * pages; the second collection releases the pages that the first has emptied (65 MiB resident instead of 92 after
 * densenet-bc-100-12). Asynchronous, because the caller's stack frame may still refer to released objects.
 */
export async function collectGarbage(): Promise<void> {
  collect ??= runInNewContext('gc') as () => void;
  await setImmediate();
  setFlagsFromString('--compact-on-every-full-gc');
  collect();
  setFlagsFromString('--no-compact-on-every-full-gc');
  collect();
}
