import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { dirname, join } from 'node:path';

/** The files in which Linux reports memory; tests use other folders. */
export interface MemorySources {
  readonly proc: string;
  readonly cgroups: string;
  readonly freeBytes: number;
}

/** On macOS `os.freemem` excludes most of the memory that is available to programs. */
const HERE = (): MemorySources => ({
  proc: '/proc',
  cgroups: '/sys/fs/cgroup',
  freeBytes: process.platform === 'darwin' ? Math.max(freemem(), totalmem() / 2) : freemem(),
});

/**
 * Bytes that this process can still allocate: the free memory of the machine, limited by its cgroups (version 1 or
 * 2, for example of a container). The page cache counts as free, because it can be reclaimed.
 */
export function availableBytes({ proc, cgroups, freeBytes }: MemorySources = HERE()): number {
  const lines = (read(join(proc, 'self/cgroup')) ?? '').split('\n');
  const rooms = lines.flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) return [];
    if (controllers === '') return roomsOf(cgroups, path, 'memory.max', 'memory.current', '');
    if (!controllers!.split(',').includes('memory')) return [];
    return roomsOf(join(cgroups, 'memory'), path, 'memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_');
  });
  return Math.max(0, Math.min(freeBytes, ...rooms));
}

/** The margin left for other processes: a fraction of the memory, and a minimum. */
const [MARGIN_SHARE, LEAST_MARGIN_BYTES] = [0.05, 64 * 2 ** 20];

/** The default memory limit of the process: its memory plus what is available, minus a margin. */
export function defaultLimitBytes(sources?: MemorySources, ownBytes = process.memoryUsage.rss()): number {
  const all = availableBytes(sources) + ownBytes;
  return Math.max(0, Math.floor(all - Math.max(MARGIN_SHARE * all, LEAST_MARGIN_BYTES)));
}

/**
 * The remaining bytes of a cgroup and of each of its parents with a limit. In a container the path may be that of
 * the host.
 */
function roomsOf(root: string, path: string, limit: string, usage: string, prefix: string): number[] {
  const rooms: number[] = [];
  for (let at = path; ; at = dirname(at)) {
    const most = Number(read(join(root, at, limit)) ?? Number.NaN);
    const used = Number(read(join(root, at, usage)) ?? Number.NaN);
    if (Number.isFinite(most) && Number.isFinite(used)) {
      const stat = read(join(root, at, 'memory.stat')) ?? '';
      const cached = ['inactive_file', 'active_file'].reduce((sum, name) => {
        const bytes = new RegExp(`^${prefix}${name} (\\d+)$`, 'm').exec(stat)?.[1];
        return sum + Number(bytes ?? 0);
      }, 0);
      rooms.push(most - used + cached);
    }
    if (at === '/' || at === '.' || at === '') return rooms;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
