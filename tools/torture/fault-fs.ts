import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { resolve, sep } from 'node:path';
import { withoutRandom } from './product.ts';

/** The ways in which a call can fail. */
export const FAULT_ERRORS = ['ENOSPC', 'full', 'EIO', 'EDQUOT', 'EINTR', 'short', 'zero', 'kill'] as const;
export type FaultError = (typeof FAULT_ERRORS)[number];

const ABOUT: Readonly<Record<FaultError, string>> = {
  ENOSPC: 'the disk is full once',
  full: 'the disk is full from there on',
  EIO: 'the disk fails once',
  EDQUOT: 'the quota is used up once',
  EINTR: 'a signal interrupts the call',
  short: 'half of the bytes are written',
  zero: 'no bytes are written from there on',
  kill: 'the process is killed, half of the bytes written',
};

/** The fault to inject into calls on files below `root`, which are counted from 1. */
export interface Injection {
  readonly root: string;
  /** The call that fails. */
  readonly at?: number | undefined;
  readonly error?: FaultError | undefined;
  /** Called before text is written to a .jsonl file. */
  readonly onLine?: ((text: string) => void) | undefined;
}

/** The recorded calls. */
export interface Trace {
  /** In order, such as `write last.safetensors.partial`. */
  readonly calls: string[];
  hit?: string;
  /** Whether Densor repeats writes endlessly although nothing can be written. */
  isEndless: boolean;
}

/** Calls that change files. `create`: an open that may create a file. */
const CHANGING = [
  'create',
  'write',
  'rename',
  'rm',
  'unlink',
  'mkdir',
  'rmdir',
  'link',
  'symlink',
  'ftruncate',
];
const SPACE = [...CHANGING, 'fsync', 'fdatasync', 'close'];
const MAX_ZERO_WRITES = 1000;

export function describeError(error: FaultError): string {
  return ABOUT[error];
}

/** Whether a call can fail in this way. @param call in the format of a trace. */
export function canFail(call: string, error: FaultError): boolean {
  const [op = ''] = call.split(' ', 1);
  switch (error) {
    case 'EIO':
    case 'EINTR':
      return true;
    case 'ENOSPC':
    case 'EDQUOT':
      return SPACE.includes(op);
    case 'full':
      return takesRoom(op);
    case 'kill':
      return CHANGING.includes(op);
    case 'short':
    case 'zero':
      return op === 'write';
    default:
      return error satisfies never;
  }
}

function takesRoom(op: string): boolean {
  return ['create', 'write', 'mkdir', 'link', 'symlink'].includes(op);
}

/** Errors as created by Node. libuv has no name for EDQUOT. */
const ERRNO = {
  ENOSPC: ['ENOSPC', -28, 'no space left on device'],
  full: ['ENOSPC', -28, 'no space left on device'],
  EIO: ['EIO', -5, 'i/o error'],
  EDQUOT: ['UNKNOWN', -122, 'unknown error'],
  EINTR: ['EINTR', -4, 'interrupted system call'],
} as const;

const real = { ...fs };
const opened = new Map<number, string>();
let injection: Injection | undefined;
let trace: Trace = { calls: [], isEndless: false };
let zeroWrites = 0;

/**
 * Starts to count calls and inject faults. @returns a function that stops it and closes open files, as a process
 * exit.
 */
export function inject(now: Injection): () => Trace {
  [injection, trace, zeroWrites] = [now, { calls: [], isEndless: false }, 0];
  return () => {
    injection = undefined;
    for (const file of opened.keys()) {
      try {
        real.closeSync(file);
      } catch {} // It was closed elsewhere by its descriptor.
    }
    opened.clear();
    return trace;
  };
}

function isWatched(path: unknown): path is string {
  if (injection === undefined || typeof path !== 'string') return false;
  const full = resolve(path);
  return full === injection.root || full.startsWith(injection.root + sep);
}

/** Counts a call. @returns the fault to inject, if any. */
function count(op: string, path: string): FaultError | undefined {
  const { root, at, error } = injection!;
  const name = resolve(path).slice(root.length + 1);
  trace.calls.push(`${op} ${withoutRandom(name)}`);
  if (at === undefined || error === undefined) return undefined;
  const number = trace.calls.length;
  const isSticky = error === 'full' ? takesRoom(op) : error === 'zero' && op === 'write';
  if (number !== at && !(isSticky && number > at)) return undefined;
  trace.hit ??= `${op} ${name}`;
  return error;
}

/** Calls a function without counting the Node functions that it calls. */
function quietly<T>(call: () => T): T {
  const before = injection;
  injection = undefined;
  try {
    return call();
  } finally {
    injection = before;
  }
}

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  for (;;); // Waits for the signal.
}

function failure(error: FaultError, syscall: string, path: string | undefined, dest?: string): Error {
  const [code, errno, text] = ERRNO[error as keyof typeof ERRNO];
  const where = path === undefined ? '' : ` '${path}'${dest === undefined ? '' : ` -> '${dest}'`}`;
  return Object.assign(new Error(`${code}: ${text}, ${syscall}${where}`), {
    ...{ code, errno, syscall },
    ...(path !== undefined && { path }),
    ...(dest !== undefined && { dest }),
  });
}

function fail(error: FaultError | undefined, op: string, path: string | undefined, dest?: string): void {
  if (error === undefined || error === 'short' || error === 'zero') return;
  if (error === 'kill') die();
  throw failure(error, op, path, dest);
}

// biome-ignore lint/suspicious/noExplicitAny: functions of node:fs are replaced by name.
type Call = (...args: any[]) => any;
const patched = fs as unknown as Record<string, Call>;
const original = real as unknown as Readonly<Record<string, Call>>;

/**
 * Replaces a function of node:fs whose first argument is a path. @param label index of the argument shown in the
 * trace.
 */
function patchPath(name: string, op: string, label = 0): void {
  const call = original[name]!;
  patched[name] = Object.assign((...args: unknown[]) => {
    const path = args[label];
    if (isWatched(path)) fail(count(op, path), op, args[0] as string, label === 1 ? path : undefined);
    return quietly(() => call(...args));
  }, call);
}

/** Replaces a function whose first argument is a file descriptor. */
function patchFile(name: string, op: string): void {
  const call = original[name]!;
  patched[name] = (file: number, ...args: unknown[]) => {
    const path = opened.get(file);
    if (isWatched(path)) fail(count(op, path), op, undefined);
    return quietly(() => call(file, ...args));
  };
}

function openSync(path: fs.PathLike, flags: fs.OpenMode = 'r', mode?: fs.Mode): number {
  if (!isWatched(path)) return real.openSync(path, flags, mode);
  const creates = typeof flags === 'number' ? (flags & fs.constants.O_CREAT) !== 0 : /[wa]/.test(flags);
  fail(count(creates ? 'create' : 'open', path), 'open', path);
  const file = real.openSync(path, flags, mode);
  opened.set(file, path);
  return file;
}

function closeSync(file: number): void {
  const path = opened.get(file);
  opened.delete(file);
  const error = isWatched(path) ? count('close', path) : undefined;
  if (error !== 'kill') real.closeSync(file); // A failed close also closes the file.
  fail(error, 'close', undefined);
}

function writeSync(file: number, data: NodeJS.ArrayBufferView | string, ...rest: unknown[]): number {
  const path = opened.get(file);
  if (!isWatched(path)) return original.writeSync!(file, data, ...rest);
  const bytes = piece(data, rest);
  const position = typeof data === 'string' ? rest[0] : typeof rest[0] === 'object' ? undefined : rest[2];
  if (path.endsWith('.jsonl')) injection!.onLine?.(Buffer.from(bytes).toString());
  const error = count('write', path);
  const half = Math.max(1, Math.floor(bytes.length / 2));
  if (error === 'short') return real.writeSync(file, bytes, 0, half, position as number | null);
  if (error === 'zero') {
    if (++zeroWrites < MAX_ZERO_WRITES) return 0;
    trace.isEndless = true;
    throw new Error('endless: it goes on writing where nothing is written');
  }
  if (error === 'kill') real.writeSync(file, bytes, 0, half, position as number | null);
  fail(error, 'write', undefined);
  return real.writeSync(file, bytes, 0, bytes.length, position as number | null);
}

/** The bytes given by the arguments of writeSync. */
function piece(data: NodeJS.ArrayBufferView | string, [first, length]: unknown[]): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data, (length as BufferEncoding | undefined) ?? 'utf8');
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const options =
    typeof first === 'object' && first ? (first as { offset?: number; length?: number }) : undefined;
  const offset = options?.offset ?? (typeof first === 'number' ? first : 0);
  const size = options?.length ?? (typeof length === 'number' ? length : bytes.length - offset);
  return bytes.subarray(offset, offset + size);
}

interface FileOptions {
  readonly encoding?: BufferEncoding;
  readonly flag?: string;
  readonly mode?: fs.Mode;
  readonly flush?: boolean;
}

function optionsOf(options: unknown): FileOptions {
  return typeof options === 'string'
    ? { encoding: options as BufferEncoding }
    : ((options ?? {}) as FileOptions);
}

/** Replaces a Node function that writes a whole file by its single calls. */
function writeWhole(usualFlag: string, name: 'writeFileSync' | 'appendFileSync') {
  return (path: string | number, data: NodeJS.ArrayBufferView | string, options?: unknown): void => {
    if (typeof path === 'number' ? !isWatched(opened.get(path)) : !isWatched(path))
      return original[name]!(path, data, options);
    const { encoding = 'utf8', flag = usualFlag, mode = 0o666, flush = false } = optionsOf(options);
    const file = typeof path === 'number' ? path : openSync(path, flag, mode);
    try {
      const bytes = typeof data === 'string' ? Buffer.from(data, encoding) : piece(data, []);
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, null);
      if (flush) fs.fsyncSync(file);
    } finally {
      if (typeof path !== 'number') closeSync(file);
    }
  };
}

function readFileSync(path: fs.PathOrFileDescriptor, options?: unknown): string | Buffer {
  if (!isWatched(path)) return original.readFileSync!(path, options);
  const { encoding, flag = 'r' } = optionsOf(options);
  const file = openSync(path, flag);
  try {
    fail(count('read', path), 'read', undefined);
    const bytes = quietly(() => real.readFileSync(file));
    return encoding ? bytes.toString(encoding) : bytes;
  } finally {
    closeSync(file);
  }
}

/** Replaces the functions of node:fs, for modules loaded before and after this call. */
export function patchFileSystem(): void {
  for (const op of [
    'rm',
    'unlink',
    'mkdir',
    'readdir',
    'rmdir',
    'stat',
    'lstat',
    'realpath',
    'access',
    'utimes',
  ])
    patchPath(`${op}Sync`, op);
  for (const op of ['rename', 'link', 'symlink']) patchPath(`${op}Sync`, op, 1);
  for (const op of ['fsync', 'fdatasync', 'ftruncate', 'futimes', 'fstat', 'read'])
    patchFile(`${op}Sync`, op);
  Object.assign(fs, { openSync, closeSync, writeSync, readFileSync });
  Object.assign(fs, {
    writeFileSync: writeWhole('w', 'writeFileSync'),
    appendFileSync: writeWhole('a', 'appendFileSync'),
  });
  syncBuiltinESMExports();
}
