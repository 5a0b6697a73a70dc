import { execFile } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { type MemoryMap, mapMemory } from '../../src/engine/cpu/memory-map.ts';
import type { NativeIsa } from '../../src/engine/cpu/native/module.ts';
import { nativeTarget } from '../../src/engine/cpu/native/target.ts';
import { requireTarget } from '../../src/engine/cpu/require-target.ts';
import { type KernelCall, type KernelMemory, KernelSession } from '../../src/engine/cpu/session.ts';
import { type Engine, EngineError, type Session } from '../../src/engine/engine.ts';
import type { CompiledNetwork } from '../../src/plan/compiled-network.ts';
import type { Program } from '../../src/plan/target.ts';
import { CONTROL_WORDS, RUN_ADDRESSES, SCALARS, SLACK_BYTES } from '../../src/target/cpu/constants.ts';
import type { CpuTarget } from '../../src/target/cpu/target.ts';
import { type ReplayVariant, replayPath } from '../../tools/replay.ts';
import { type Forbidden, spread } from './spread-network.ts';

/**
 * An engine that runs each program in a separate process (kernels/bindings/replay.cpp) on a memory image in a
 * file: kernels with a sanitizer, or on an emulated processor. A sanitizer report becomes an error with its text.
 */
export function createReplayEngine(
  variant: ReplayVariant,
  threads = variant.threads,
  binary = variant.name,
): Engine {
  return new ReplayEngine(variant, threads, binary);
}

class ReplayEngine implements Engine {
  readonly name = 'replay';
  readonly isa: string;
  readonly threads: number;
  readonly target: CpuTarget;
  readonly maxTotalBytes = totalmem();
  readonly #variant: ReplayVariant;
  readonly #binary: string;
  readonly #memories: ReplayMemory[] = [];

  constructor(variant: ReplayVariant, threads: number, binary: string) {
    this.isa = variant.isa;
    this.target = nativeTarget(variant.isa as NativeIsa);
    this.threads = threads;
    this.#variant = variant;
    this.#binary = binary;
  }

  async open(planned: CompiledNetwork): Promise<Session> {
    requireTarget(planned, this);
    const { network, forbidden } =
      this.#variant.sanitizer === 'asan' ? spread(planned) : { network: planned, forbidden: new Map() };
    const map = mapMemory(network, { threads: this.threads });
    const command = [...(this.#variant.emulator ? [this.#variant.emulator] : []), replayPath(this.#binary)];
    const memory = new ReplayMemory(command, network, map, forbidden);
    this.#memories.push(memory);
    return new KernelSession(network, map, memory);
  }

  async close(): Promise<void> {
    for (const memory of this.#memories) await memory.close();
  }
}

/** Fills memory with NaN, because kernels must not depend on initial zeros. */
const NOTHING_BYTE = 0xff;
const UNTOUCHED = Buffer.alloc(SLACK_BYTES, NOTHING_BYTE);

class ReplayMemory implements KernelMemory {
  readonly #command: readonly string[];
  readonly #map: MemoryMap;
  /** Arguments with the sizes of a program, by its address. */
  readonly #programs: ReadonlyMap<number, ProgramArguments>;
  readonly #folder = mkdtempSync(join(tmpdir(), 'densor-replay-'));
  readonly #image = openSync(join(this.#folder, 'image'), 'w+');
  #open = true;

  constructor(
    command: readonly string[],
    network: CompiledNetwork,
    map: MemoryMap,
    forbidden: ReadonlyMap<string, readonly Forbidden[]>,
  ) {
    this.#command = command;
    this.#map = map;
    this.#programs = new Map(
      [...network.programs].flatMap(([name, { plan, program, prepare }]) => {
        const prepared = map.prepared.get(name)!;
        const slabs = { ...map, prepared };
        const shared = {
          scratchBytes: plan.scratchBytes + SLACK_BYTES,
          persistentBytes: network.layout.bytes,
          transientBytes: plan.transientBytes,
          prepared: `${prepared}:${plan.preparedBytes}`,
          forbidden: (forbidden.get(name) ?? []).map(({ slab, offset, bytes }) => ({
            at: slabs[slab] + offset,
            bytes,
          })),
        };
        const entry = (at: number, { words }: Program): [number, ProgramArguments] => [
          at,
          { ...shared, programBytes: words.byteLength },
        ];
        const before = prepare.recordCount > 0 ? [entry(map.prepares.get(name)!, prepare)] : [];
        return [entry(map.programs.get(name)!, program), ...before];
      }),
    );
    this.#write(0, Buffer.alloc(map.bytes, NOTHING_BYTE));
  }

  read(at: number, floats: number): Float32Array {
    const numbers = new Float32Array(floats);
    const bytes = readSync(this.#image, new Uint8Array(numbers.buffer), 0, floats * 4, at);
    if (bytes !== floats * 4) throw new EngineError('outside of the memory');
    return numbers;
  }

  write(at: number, numbers: Float32Array | Int32Array | Uint32Array): void {
    this.#write(at, new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
  }

  peak(): Promise<number> {
    return Promise.reject(new EngineError('a replay says nothing about the speed of a machine'));
  }

  async run({ program, records }: KernelCall): Promise<void> {
    const { persistent, transient, scalars, control, scratch } = this.#map;
    const { scratchBytes, persistentBytes, transientBytes, prepared, programBytes, forbidden } =
      this.#programs.get(program)!;
    const regions = {
      persistent: `${persistent}:${persistentBytes}`,
      transient: `${transient}:${transientBytes}`,
      prepared,
      scalars: `${scalars}:${4 * Object.keys(SCALARS).length}`,
      control: `${control}:${4 * CONTROL_WORDS}`,
      program: `${program}:${programBytes}`,
    };
    const words = [
      ...[join(this.#folder, 'image'), scratch.length, records, scratchBytes],
      ...RUN_ADDRESSES.flatMap((name) => (name in regions ? regions[name as keyof typeof regions] : [])),
      ...forbidden.map(({ at, bytes }) => `${at}:${bytes}`),
    ].map(String);
    // Slack may be read, but not written. (In another program it may have been part of a buffer.)
    for (const { at } of forbidden) this.#write(at - SLACK_BYTES, UNTOUCHED);
    const [command, ...first] = this.#command as [string, ...string[]];
    await new Promise<void>((resolve, reject) => {
      execFile(command, [...first, ...words], { maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
        const said = `${stdout}${stderr}`;
        if (!error && said === '') return resolve();
        const end = error?.signal ?? error?.code ?? 0;
        reject(new EngineError(`${this.#command.join(' ')} ended with ${end}:\n${said || error?.message}`));
      });
    });
    for (const { at } of forbidden) {
      if (!UNTOUCHED.equals(Buffer.from(this.read(at - SLACK_BYTES, SLACK_BYTES / 4).buffer))) {
        throw new EngineError(`a kernel wrote behind a buffer: before byte ${at} of the memory`);
      }
    }
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#image);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #write(at: number, bytes: Uint8Array): void {
    if (at + bytes.byteLength > this.#map.bytes) throw new EngineError('outside of the memory');
    writeSync(this.#image, bytes, 0, bytes.byteLength, at);
  }
}

interface ProgramArguments {
  readonly scratchBytes: number;
  readonly persistentBytes: number;
  readonly transientBytes: number;
  /** OFFSET:BYTES in the image. */
  readonly prepared: string;
  readonly programBytes: number;
  /** Ranges in the image. */
  readonly forbidden: readonly { readonly at: number; readonly bytes: number }[];
}
