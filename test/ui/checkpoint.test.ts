import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runEvents } from '../support/run-events.ts';
import { statusOf, UiBench } from '../support/ui.ts';

const ui = new UiBench();
beforeAll(() => ui.start());
afterAll(() => ui.close());

const EVENTS = runEvents({ epochs: 1, stepsPerEpoch: 3 });

/** A run with these files beside its log. @returns its id. */
async function runWith(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = ui.writeRun(name, EVENTS);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return (await ui.runs()).find((run) => run.name === name)!.id;
}

describe('the checkpoint of a run', () => {
  test('is that of the best epoch or, before there is one, the last', async () => {
    const id = await runWith('trained', { 'last.safetensors': 'the last' });
    const last = await ui.get(`/api/checkpoint?run=${id}`);
    expect([last.status, last.headers.get('content-type'), await last.text()]).toEqual([
      200,
      'application/octet-stream',
      'the last',
    ]);
    await runWith('trained', { 'best.safetensors': 'the best' });
    expect(await (await ui.get(`/api/checkpoint?run=${id}`)).text()).toBe('the best');
    await runWith('trained', { 'best.safetensors': '' });
    expect(await (await ui.get(`/api/checkpoint?run=${id}`)).text()).toBe('');
  });

  test('is not there before it is written, and of no run that is not there', async () => {
    const id = await runWith('new', {});
    const odd = ['', '..', 'A'.repeat(16), '__proto__', '../trained', `${id}/../last.safetensors`, '%00'];
    for (const run of [id, ...odd])
      expect([run, (await ui.get(`/api/checkpoint?run=${run}`)).status]).toEqual([run, 404]);
  });

  test('is for those with the token, and only read', async () => {
    const id = await runWith('private', { 'last.safetensors': 'SECRET' });
    const path = `/api/checkpoint?run=${id}`;
    for (const headers of [{ Authorization: 'Bearer x' }, { Origin: 'http://evil.test' }]) {
      const answer = await ui.request(`GET ${path} HTTP/1.1`, headers);
      expect(statusOf(answer)).toBeGreaterThanOrEqual(401);
      expect(answer).not.toContain('SECRET');
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'HEAD'])
      expect(statusOf(await ui.request(`${method} ${path} HTTP/1.1`))).toBe(405);
  });

  test('is no link, no pipe and no folder', async () => {
    const secret = join(ui.folder, 'secret.txt');
    const kinds: Readonly<Record<string, (path: string) => void>> = {
      link: (path) => symlinkSync(secret, path),
      pipe: (path) => execFileSync('mkfifo', [path]),
      folder: (path) => mkdirSync(path),
    };
    for (const [name, make] of Object.entries(kinds)) {
      const id = await runWith(`a-${name}`, {});
      make(join(ui.root, `a-${name}`, 'last.safetensors'));
      const answer = await ui.get(`/api/checkpoint?run=${id}`);
      expect([name, answer.status, await answer.text()]).toEqual([
        name,
        404,
        'there is no such checkpoint\n',
      ]);
    }
  });

  test('is closed when the page has it, or goes away', async () => {
    const id = await runWith('large', { 'last.safetensors': 'x'.repeat(2 ** 24) });
    const large = join(ui.root, 'large/last.safetensors');
    const isOpen = () =>
      readdirSync('/proc/self/fd').some((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`) === large;
        } catch {
          return false; // That of this listing.
        }
      });
    expect((await (await ui.get(`/api/checkpoint?run=${id}`)).arrayBuffer()).byteLength).toBe(2 ** 24);
    await expect.poll(isOpen).toBe(false);
    const aborting = new AbortController();
    const headers = { authorization: `Bearer ${ui.token}` };
    const address = `${ui.origin}/api/checkpoint?run=${id}`;
    const answer = await fetch(address, { headers, signal: aborting.signal });
    expect([answer.status, isOpen()]).toEqual([200, true]);
    aborting.abort();
    await expect.poll(isOpen).toBe(false);
    rmSync(large);
  });
});
