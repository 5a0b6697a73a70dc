import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename } from 'node:path';

/** USER_HZ is 100 on every Linux that Node runs on. */
const MS_PER_TICK = 10;

/** Which process this is, so that another can tell later whether it still lives. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** Clock ticks from boot to the process's start: a number that is used again has another. Linux only, as the next two. */
  readonly startTime?: string | undefined;
  /** Changes with every boot and differs between machines, unlike their names. */
  readonly bootId?: string | undefined;
  /** Numbers of processes count within it: each container has its own. */
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

/** Whether the process can be asked about: it runs, or ran, under this very kernel and counts as this process does. */
export function isLocal(other: ProcessIdentity, self = thisProcess()): boolean {
  if (other.bootId === undefined || self.bootId === undefined) return other.host === self.host;
  return other.bootId === self.bootId && other.pidNamespace === self.pidNamespace;
}

/** Whether a local process lives. Where its start time is not known, one that bears its number counts as it. */
export function isAlive({ pid, startTime }: ProcessIdentity): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = startTimeOf(`${pid}`);
  return startTime === undefined || now === undefined || now === startTime;
}

/** When a local process started, by the wall clock, and the file name of its program, as far as that can be told. */
export function describeProcess(pid: number): { readonly startedMs?: number; readonly program?: string } {
  const ticks = startTimeOf(`${pid}`);
  const bootSeconds = /^btime (\d+)$/m.exec(attempt(() => readFileSync('/proc/stat', 'utf8')) ?? '')?.[1];
  const words = attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  return {
    ...(ticks && bootSeconds && { startedMs: 1000 * Number(bootSeconds) + MS_PER_TICK * Number(ticks) }),
    ...(words && { program: basename(words.split('\0')[0]!) }),
  };
}

/** Field 22 of /proc/PID/stat; the name in field 2 may hold blanks and brackets. */
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
