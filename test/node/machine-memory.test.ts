import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { availableBytes, defaultLimitBytes } from '../../src/node/machine-memory.ts';

const [MIB, GIB] = [2 ** 20, 2 ** 30];
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function sources(files: Readonly<Record<string, string | number>>) {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), `${content}\n`);
  }
  return { proc: join(folder, 'proc'), cgroups: join(folder, 'cgroup'), freeBytes: 8 * GIB };
}

describe('the available memory of a process', () => {
  test('is the free memory of the machine without cgroups, or without limits', () => {
    expect(availableBytes(sources({}))).toBe(8 * GIB);
    const unlimited = sources({
      'proc/self/cgroup': '0::/a',
      'cgroup/a/memory.max': 'max',
      'cgroup/a/memory.current': 1,
    });
    expect(availableBytes(unlimited)).toBe(8 * GIB);
  });

  test('is what a cgroup of version 2, or a parent, leaves; the page cache counts as free', () => {
    const nested = sources({
      'proc/self/cgroup': '0::/a/b',
      'cgroup/a/memory.max': 2 * GIB,
      'cgroup/a/memory.current': GIB,
      'cgroup/a/memory.stat': `anon 5\ninactive_file ${200 * MIB}\nactive_file ${100 * MIB}`,
      'cgroup/a/b/memory.max': 4 * GIB,
      'cgroup/a/b/memory.current': GIB,
    });
    expect(availableBytes(nested)).toBe(GIB + 300 * MIB);
  });

  test('is found at the root if a container hides the path, and in version 1', () => {
    const hidden = sources({
      'proc/self/cgroup': '0::/of/the/host',
      'cgroup/memory.max': GIB,
      'cgroup/memory.current': MIB,
    });
    expect(availableBytes(hidden)).toBe(GIB - MIB);
    const first = sources({
      'proc/self/cgroup': '5:cpu:/x\n4:cpuset,memory:/x',
      'cgroup/memory/x/memory.limit_in_bytes': GIB,
      'cgroup/memory/x/memory.usage_in_bytes': 300 * MIB,
      'cgroup/memory/x/memory.stat': `inactive_file 1\ntotal_inactive_file ${100 * MIB}`,
    });
    expect(availableBytes(first)).toBe(GIB - 200 * MIB);
  });

  test('gives the default limit: available memory and that of the process, minus a margin', () => {
    expect(defaultLimitBytes(sources({}), 2 * GIB)).toBe(Math.floor(0.95 * 10 * GIB));
    expect(defaultLimitBytes({ ...sources({}), freeBytes: 500 * MIB }, 0)).toBe(436 * MIB);
    expect(defaultLimitBytes({ ...sources({}), freeBytes: 10 * MIB }, 0)).toBe(0);
    expect(defaultLimitBytes()).toBeGreaterThan(0);
  });
});
