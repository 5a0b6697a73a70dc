import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM } from '../support/page.ts';
import { runEvents } from '../support/run-events.ts';
import { statusOf, UiBench } from '../support/ui.ts';

const ui = new UiBench();
beforeAll(() => ui.start({ allowedHosts: ['lab.example'] }));
afterAll(() => ui.close());
const port = () => ui.server.port;

// First: the connections that the attacks below leave behind may reset those of a browser.
test.skipIf(!CHROMIUM)('the page is shown in no frame, and tells no opener', async () => {
  const browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox'] });
  const page = await browser.newPage();
  await page.goto('about:blank');
  await page.setContent(`<iframe src="${ui.origin}/" id="frame"></iframe>`);
  const inFrame = () => page.frames().find((frame) => frame !== page.mainFrame())!;
  // A busy machine loads pages slowly.
  await expect.poll(() => inFrame().url(), { timeout: 10_000 }).toMatch(/^chrome-error:/u);
  expect(await inFrame().content()).not.toContain('Densor');
  const [popup] = await Promise.all([
    page.waitForEvent('popup'),
    page.evaluate((address) => void (globalThis as unknown as Window).open(address), `${ui.origin}/`),
  ]);
  // Until its address is the page's, a popup is still the blank document that knows its opener.
  await popup.waitForURL(`${ui.origin}/**`);
  expect(await popup.evaluate(() => window.opener)).toBeNull();
  await browser.close();
});

describe('the name by which the server is asked', () => {
  test.each([
    ['localhost', 200],
    ['[::1]', 200],
    ['lab.example', 200],
    ['LAB.EXAMPLE', 200],
    ['evil.test', 403],
    ['127.0.0.1.evil.test', 403],
    ['localhost.evil.test', 403],
    ['evil.test#localhost', 403],
    ['', 403],
  ])('%s: %i', async (host, status) => {
    const answer = await ui.request('GET / HTTP/1.1', { Host: `${host}:${port()}` });
    expect(statusOf(answer)).toBe(status);
  });

  test('missing, twice, or in the request line, is refused', async () => {
    const [two, absolute, none] = await Promise.all([
      ui.request('GET / HTTP/1.1', { Host: [`127.0.0.1:${port()}`, 'evil.test'] }),
      ui.request(`GET http://evil.test/ HTTP/1.1`),
      ui.raw('GET / HTTP/1.1\r\nConnection: close\r\n\r\n'),
    ]);
    expect([two, absolute, none].map(statusOf)).toEqual([400, 400, 400]);
  });

  test.skipIf(!CHROMIUM)(
    'resolved to this machine by another site (DNS rebinding) opens nothing',
    async () => {
      const rules = '--host-resolver-rules=MAP evil.test 127.0.0.1';
      const browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox', rules] });
      const page = await browser.newPage();
      const answer = await page.goto(`http://evil.test:${port()}/`);
      expect(answer!.status()).toBe(403);
      const status = await page.evaluate(
        async (token) => (await fetch('/api/runs', { headers: { authorization: `Bearer ${token}` } })).status,
        ui.token,
      );
      expect(status).toBe(403);
      await browser.close();
    },
  );
});

describe('requests of another site', () => {
  test.each([
    { Origin: 'http://evil.test' },
    { Origin: 'null' },
    { Origin: 'http://127.0.0.1:1' },
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Mode': 'no-cors' },
  ])('with %o are refused', async (headers) => {
    const answers = await Promise.all(
      ['GET /api/runs HTTP/1.1', 'GET / HTTP/1.1', 'POST /api/command HTTP/1.1'].map((line) =>
        ui.request(line, headers),
      ),
    );
    expect(answers.map(statusOf)).toEqual([403, 403, 403]);
  });

  test('are promised nothing by headers', async () => {
    const headers = (await ui.get('/api/runs')).headers;
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
  });

  test('as a form, or as a WebSocket, are refused', async () => {
    const form = { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': '0' };
    expect(statusOf(await ui.request('POST /api/command HTTP/1.1', form))).toBe(415);
    expect(statusOf(await ui.request('POST / HTTP/1.1', form))).toBe(405);
    const socket = {
      ...{ Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' },
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    };
    expect(statusOf(await ui.request('GET /api/stream HTTP/1.1', socket))).toBe(400);
  });

  test('cannot use other methods', async () => {
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'])
      expect(statusOf(await ui.request(`${method} /api/runs HTTP/1.1`))).toBe(405);
  });
});

describe('the token', () => {
  test('is needed for data, whole, and in no other place', async () => {
    const { token } = ui;
    const wrong = ['', 'Bearer', `Bearer ${token.slice(1)}`, `bearer ${token}x`, `Basic ${token}`, token];
    for (const authorization of wrong) {
      const answer = await ui.request('GET /api/runs HTTP/1.1', { Authorization: authorization });
      expect([authorization, statusOf(answer)]).toEqual([authorization, 401]);
    }
    const inQuery = await ui.request(`GET /api/runs?token=${token} HTTP/1.1`, { Authorization: 'x' });
    expect(statusOf(inQuery)).toBe(401);
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
  });

  test('is in no answer, and no answer tells of folders', async () => {
    ui.writeRun('told', runEvents({ epochs: 1, stepsPerEpoch: 3 }));
    const [run] = await ui.runs();
    const answers = await Promise.all(
      ['/', '/api/runs', '/assets/main.js', '/nothing', `/api/stream?runs=${run!.id}:x`].map(async (path) => {
        const answer = await ui.get(path);
        return `${JSON.stringify([...answer.headers])}${await answer.text()}`;
      }),
    );
    const stream = JSON.stringify(await ui.messages(`${run!.id}:0`, ({ kind }) => kind === 'phase'));
    for (const text of [...answers, stream]) {
      expect(text).not.toContain(ui.token);
      expect(text).not.toContain(ui.folder);
    }
  });
});

describe('paths', () => {
  test.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/%2e%2e%2fsecret.txt',
    '/%252e%252e/secret.txt',
    '/..\\secret.txt',
    '/assets/%00main.js',
    '/C:/secret.txt',
    '//secret.txt',
    '/assets/main.js??raw',
    '/assets/main.js?raw??',
    '/@fs/etc/passwd?raw??',
    '/assets',
    '/assets/',
    '/.git/config',
    '/index.html/',
  ])('%s gives no file but those of the page', async (path) => {
    const answer = await ui.request(`GET ${path} HTTP/1.1`);
    expect(answer).not.toContain('SECRET');
    const isPage = path.startsWith('/assets/main.js');
    expect(statusOf(answer)).toBe(isPage ? 200 : path.startsWith('//') ? 400 : 404);
  });

  test('in place of a run are refused', async () => {
    for (const id of ['..', '../runs/told', '%2e%2e', 'A'.repeat(16), '__proto__', `${'A'.repeat(16)}:0`]) {
      const answer = await ui.get(`/api/stream?runs=${id}:0`);
      expect([400, 404]).toContain(answer.status);
    }
    expect((await ui.get(`/api/stream?runs=${Array(17).fill(`${'A'.repeat(16)}:0`)}`)).status).toBe(400);
  });
});

describe('a folder of runs that somebody else has filled', () => {
  const event = runEvents({ epochs: 1, stepsPerEpoch: 3 });
  const names = async () => (await ui.runs()).map(({ name }) => name);

  test('leads nowhere by links, and hangs at no pipe', async () => {
    const outside = join(ui.folder, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'log.jsonl'), `${JSON.stringify(event[0])}\n`);
    symlinkSync(outside, join(ui.root, 'link'));
    mkdirSync(join(ui.root, 'linked-log'));
    symlinkSync(join(outside, 'log.jsonl'), join(ui.root, 'linked-log/log.jsonl'));
    mkdirSync(join(ui.root, 'pipe'));
    execFileSync('mkfifo', [join(ui.root, 'pipe/log.jsonl')]);
    mkdirSync(join(ui.root, 'folder/log.jsonl'), { recursive: true });
    expect((await names()).filter((name) => /link|pipe|folder/.test(name))).toEqual([]);
  });

  test('that changes to links or pipes while it is followed shows nothing of what they lead to', async () => {
    const folder = ui.writeRun('swapped', event);
    const { id } = (await ui.runs()).find(({ name }) => name === 'swapped')!;
    const secret = { ...event[0]!, model: 'SECRET' };
    const outside = join(ui.folder, 'elsewhere');
    mkdirSync(outside);
    writeFileSync(join(outside, 'log.jsonl'), `${JSON.stringify(secret)}\n`.repeat(50));
    renameSync(folder, join(ui.folder, 'moved'));
    symlinkSync(outside, folder);
    const messages = await ui.messages(`${id}:0`, ({ kind }) => kind === 'phase');
    expect(JSON.stringify(messages)).not.toContain('SECRET');
    // The lock of a run may be a pipe too.
    const piped = ui.writeRun('piped', event);
    execFileSync('mkfifo', [join(piped, 'run.lock')]);
    expect(await names()).toContain('piped');
  });

  test('may have names and events of any kind: they are data', async () => {
    const odd = ['<img src=x onerror=alert(1)>', '\u202egnp.exe', '\u001b[2Jcleared', '__proto__', '=cmd()'];
    for (const name of odd) ui.writeRun(name, event);
    expect(await names()).toEqual(expect.arrayContaining(odd));
    const folder = ui.writeRun('odd-paths', []);
    const path = '/etc/passwd';
    ui.append(folder, [event[0]!, { kind: 'checkpoint', path, globalStep: 0, best: false }]);
    const { id } = (await ui.runs()).find(({ name }) => name === 'odd-paths')!;
    const messages = await ui.messages(`${id}:0`, ({ kind }) => kind === 'phase');
    expect(JSON.stringify(messages)).not.toContain('root:');
  });

  test('with a line of a gigabyte costs no memory', { timeout: 60_000 }, async () => {
    const folder = ui.writeRun('long', event);
    truncateSync(join(folder, 'log.jsonl'), 2 ** 30);
    const before = process.memoryUsage.rss();
    const { id } = (await ui.runs()).find(({ name }) => name === 'long')!;
    const messages = await ui.messages(`${id}:0`, ({ kind }) => kind === 'phase');
    expect(messages.some(({ kind }) => kind === 'steps')).toBe(true);
    expect(process.memoryUsage.rss() - before).toBeLessThan(150e6);
  });

  test('is not changed', async () => {
    ui.writeRun('read', event);
    const { id } = (await ui.runs()).find(({ name }) => name === 'read')!;
    await ui.messages(`${id}:0`, ({ kind }) => kind === 'phase');
    const files = readdirSync(ui.root, { recursive: true, encoding: 'utf8' });
    const others = files.filter((name) => statSync(join(ui.root, name), { throwIfNoEntry: false })?.isFile());
    expect(others.filter((name) => !name.endsWith('log.jsonl'))).toEqual([]);
  });
});

describe('a client that', () => {
  test('sends headers without end, or very slowly, is let go', async () => {
    const endless = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port()}\r\nX: ${'a'.repeat(2 ** 20)}`;
    expect(statusOf(await ui.raw(endless))).toBe(431);
    const started = performance.now();
    const slow = await new Promise<string>((resolve) => {
      const socket = connect(port(), '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\n'));
      let answer = '';
      const dripping = setInterval(() => socket.write('X: y\r\n'), 500);
      socket.on('data', (data) => {
        answer += data;
      });
      socket.on('error', () => {});
      socket.on('close', () => {
        clearInterval(dripping);
        resolve(answer);
      });
    });
    expect(slow === '' || statusOf(slow) === 408).toBe(true);
    expect(performance.now() - started).toBeLessThan(60_000);
  }, 90_000);

  test('opens a thousand streams gets some, and the others are told', async () => {
    ui.writeRun('wanted', runEvents({ epochs: 1, stepsPerEpoch: 3 }));
    const run = (await ui.runs()).find(({ name }) => name === 'wanted');
    const aborting = new AbortController();
    const opened = Array.from({ length: 1000 }, () =>
      fetch(`${ui.origin}/api/stream?runs=${run!.id}:0`, {
        headers: { authorization: `Bearer ${ui.token}` },
        signal: aborting.signal,
      }).catch(() => undefined),
    );
    const answers = await Promise.all(opened); // Kept: one that nobody refers to is closed.
    expect(answers.filter((answer) => answer?.status === 200)).toHaveLength(64);
    expect(answers.some((answer) => answer?.status === 503)).toBe(true);
    aborting.abort();
    await expect.poll(async () => (await ui.get('/api/runs')).status, { timeout: 10_000 }).toBe(200);
    await expect
      .poll(async () => (await ui.messages(`${run!.id}:0`, () => true).catch(() => [])).length, {
        timeout: 10_000,
      })
      .toBe(1);
  }, 60_000);
});
