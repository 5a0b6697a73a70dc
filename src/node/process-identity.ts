import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename } from 'node:path';

/** USER_HZ is 100 on every Linux platform of Node. */
const MS_PER_TICK = 10;

/** Identifies a process, so that other processes can determine whether it is still alive. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /**
   * Start time of the process in clock ticks since boot, to detect reused process ids. Linux only, as the next
   * two.
   */
  readonly startTime?: string | undefined;
  /** Unique per machine and boot, unlike host names. */
  readonly bootId?: string | undefined;
  /** The namespace of the process id; each container has its own. */
  readonly pidNamespace?: string | undefined;
}

export function thisProcess(): ProcessIdentity {
  return {
    pid: process.pid,
    host: hostname(),
    startTime: startTimeOf('self'),
    bootId: attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: attempt(() => readlinkSync('/proc/self/ns/pid')),
  };
}

/** Whether the process table can be queried for a process: same kernel and same PID namespace. */
export function isLocal(other: ProcessIdentity, self = thisProcess()): boolean {
  if (other.bootId === undefined || self.bootId === undefined) return other.host === self.host;
  return other.bootId === self.bootId && other.pidNamespace === self.pidNamespace;
}

/** Whether a local process is alive. If its start time is unknown, any process with its id counts. */
export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = startTimeOf(`${pid}`);
  return startTime === undefined || now === undefined || now === startTime;
}

/** Wall-clock start time of a local process in ms, and the file name of its program, if known. */
export function describeProcess(pid: number): { readonly startedMs?: number; readonly program?: string } {
  const ticks = startTimeOf(`${pid}`);
  const bootSeconds = /^btime (\d+)$/m.exec(attempt(() => readFileSync('/proc/stat', 'utf8')) ?? '')?.[1];
  const words = attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  return {
    ...(ticks && bootSeconds && { startedMs: 1000 * Number(bootSeconds) + MS_PER_TICK * Number(ticks) }),
    ...(words && { program: basename(words.split('\0')[0]!) }),
  };
}

/** Field 22 of /proc/PID/stat; the name in field 2 may contain spaces and parentheses. */
function startTimeOf(pid: string): string | undefined {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
