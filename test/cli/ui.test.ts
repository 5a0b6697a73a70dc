import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { densorIn, MAIN } from '../support/cli.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-ui-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('densor ui', () => {
  test('says which folder is missing', async () => {
    const told = await densorIn(folder, 'ui');
    expect([told.status, told.lastLine]).toEqual([
      2,
      'densor: runs does not exist: expected a folder of runs, such as `densor train` makes',
    ]);
  });

  test('takes the next port where one is taken, prints its address, and ends when asked to', async () => {
    mkdirSync(join(folder, 'runs'));
    const start = (port: number) => {
      const words = [MAIN, 'ui', 'runs', '--json', '--port', `${port}`];
      const child = spawn(process.execPath, words, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
      const address = new Promise<string>((resolve) => {
        child.stdout.once('data', (data) => resolve(JSON.parse(`${data}`).address));
      });
      const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
      return { child, address, ended };
    };
    const first = start(0);
    const port = Number(new URL(await first.address).port);
    const second = start(port);
    const other = new URL(await second.address);
    expect(Number(other.port)).toBeGreaterThan(port);
    expect(other.hash).toMatch(/^#token=[\w-]{43}$/);
    expect((await fetch(other.origin)).status).toBe(200);
    for (const { child } of [first, second]) child.kill('SIGTERM');
    expect(await Promise.all([first.ended, second.ended])).toEqual([0, 0]);
  });
});
