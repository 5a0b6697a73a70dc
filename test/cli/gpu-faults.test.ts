import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { createWasmEngine } from '../../src/engine/cpu/wasm/engine.ts';
import { loadWasmModule } from '../../src/engine/cpu/wasm/load-module.ts';
import { DeviceLostError, DeviceMemoryError, type Engine, type Session } from '../../src/engine/engine.ts';
import { networkPeakBytes } from '../../src/plan/compiled-network.ts';
import { registerEngine } from '../../src/run/engine-table.ts';
import { cpuTarget } from '../../src/target/cpu/target.ts';

/** What a GPU may do to a run, on an engine that this machine has. */
interface Faults {
  /** Training steps after which the device is lost, of each engine that is opened in turn. */
  readonly lostAfter: readonly number[];
  /** Whether the first network that is opened needs more memory than there is. */
  readonly isShort?: boolean;
}

/** An engine `webgpu` that has these faults. */
function faultyEngine({ lostAfter, isShort = false }: Faults) {
  let opened = 0;
  let memoryBytes = Number.POSITIVE_INFINITY;
  return registerEngine('webgpu', {
    target: () => cpuTarget(),
    async open(): Promise<Engine> {
      const inner = await createWasmEngine({ threads: 1, ...(await loadWasmModule()) });
      let left = lostAfter[opened++] ?? Number.POSITIVE_INFINITY;
      const { isa, threads, target, maxTotalBytes } = inner;
      return {
        ...{ name: 'webgpu', isa, threads, target, maxTotalBytes },
        close: () => inner.close(),
        async open(network): Promise<Session> {
          const bytes = networkPeakBytes(network, 1);
          if (isShort && memoryBytes === Number.POSITIVE_INFINITY) memoryBytes = bytes - 1;
          if (bytes > memoryBytes) throw new DeviceMemoryError(bytes);
          const session = await inner.open(network);
          return {
            read: (name) => session.read(name),
            write: (name, numbers) => session.write(name, numbers),
            close: () => session.close(),
            async run(program, inputs, scalars) {
              if (program.startsWith('train') && left-- === 0)
                throw new DeviceLostError('the GPU was lost (for a test)');
              return session.run(program, inputs, scalars);
            },
          };
        },
      };
    },
  });
}

describe('a run on a GPU', () => {
  let said = '';
  let printed = '';
  let folder: string;
  beforeEach(() => {
    said = '';
    printed = '';
    folder = mkdtempSync(join(tmpdir(), 'densor-gpu-'));
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      said += text;
      return true;
    });
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      printed += text;
      return true;
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true });
  });
  const train = (more: readonly string[] = []) =>
    runProgram([
      ...['train', '--data', 'sample', '--limit', '64', '--model', 'densenet-bc-10-4', '--size', '28'],
      ...[
        '--batch',
        '8',
        '--epochs',
        '3',
        '--engine',
        'webgpu',
        '--out',
        join(folder, 'run'),
        '--json',
        ...more,
      ],
    ]);

  test('that is lost is resumed on the GPU opened anew', async () => {
    const remove = faultyEngine({ lostAfter: [13] });
    const status = await train().finally(remove);
    expect(said).toMatch(
      /the GPU was lost \(for a test\): opening it again and resuming from the last checkpoint/,
    );
    expect(status).toBe(0);
    expect(JSON.parse(printed)).toMatchObject({ finished: true, steps: 24 });
  });

  test('that is lost again ends with the command that continues on the processor', async () => {
    const remove = faultyEngine({ lostAfter: [13, 2] });
    const status = await train().finally(remove);
    expect(status).toBe(1);
    expect(said).toMatch(
      /densor: the GPU was lost \(for a test\): continue from the last checkpoint with: .*train --resume .*run \(add --engine native to compute on the processor\)\n$/,
    );
  });

  test('with too little memory uses a plan that needs less', async () => {
    const remove = faultyEngine({ lostAfter: [], isShort: true });
    const status = await train(['--epochs', '1', '--limit', '16', '--model', 'densenet-40-12']).finally(
      remove,
    );
    expect(said).toMatch(/the GPU cannot allocate [\d.]+ MiB: trying with less\n/);
    expect(status, said).toBe(0);
  });
});
