import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunMessage } from '../../src/live/protocol.ts';
import { RunView } from '../../src/live/run-view.ts';
import { thisProcess } from '../../src/node/process-identity.ts';
import { runEvents } from '../support/run-events.ts';
import { UiBench } from '../support/ui.ts';

let ui: UiBench;
beforeEach(async () => {
  ui = new UiBench();
  await ui.start();
});
afterEach(() => ui.close());

const isPhase = ({ kind }: RunMessage) => kind === 'phase';
const viewOf = (messages: readonly RunMessage[]) => {
  const view = new RunView();
  for (const message of messages) view.apply(message);
  return view;
};
/** A lock as a process holds it. */
const writeLock = (folder: string, pid: number, startTime?: string) =>
  writeFileSync(
    join(folder, 'run.lock'),
    JSON.stringify({ ...thisProcess(), pid, startTime, token: 'x', hasSystemLock: true }),
  );

describe('runs', () => {
  test('are listed with what their logs say, also those of an experiment', async () => {
    ui.writeRun('one', runEvents({ epochs: 2, stepsPerEpoch: 5 }));
    ui.writeRun('experiment/two', runEvents({ epochs: 2, stepsPerEpoch: 5 }).slice(0, 5));
    const runs = await ui.runs();
    expect(runs.map(({ name, phase }) => [name, phase]).sort()).toEqual([
      ['experiment/two', 'lost'],
      ['one', 'done'],
    ]);
    const one = runs.find(({ name }) => name === 'one')!;
    expect(one).toMatchObject({ model: 'notes', data: 'sample', epochs: 2, epoch: 2, bytes: 50e6 });
    expect(one.best).toBeCloseTo(0.5 + 0.4 * (2 / 3), 10);
  });

  test('are running while their process is, and lost when it is gone', async () => {
    const folder = ui.writeRun('alive', runEvents({ epochs: 2, stepsPerEpoch: 5 }).slice(0, 6));
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    writeLock(folder, child.pid!);
    const [run] = await ui.runs();
    expect(run!.phase).toBe('running');
    const started = performance.now();
    const lost = ui.messages(
      `${run!.id}:0`,
      (message) => message.kind === 'phase' && message.phase === 'lost',
    );
    setTimeout(() => child.kill('SIGKILL'), 300);
    await lost;
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe('a stream', () => {
  test('tells all of a run, and goes on where a reader left off', async () => {
    ui.writeRun('run', runEvents({ epochs: 3, stepsPerEpoch: 5 }));
    const [run] = await ui.runs();
    const all = await ui.messages(`${run!.id}:0`, isPhase);
    expect(all[0]!.kind).toBe('hello');
    const whole = viewOf(all);
    expect([whole.steps, whole.epochs.length, whole.phase]).toEqual([15, 3, 'done']);
    const middle = all[Math.floor(all.length / 2)]!;
    const rest = await ui.messages(`${run!.id}:${middle.seq}`, isPhase);
    const view = viewOf([...all.slice(0, all.indexOf(middle) + 1), ...rest]);
    expect([view.steps, view.epochs.length, view.phase]).toEqual([15, 3, 'done']);
  });

  test('tells of a line within a second of its writing', async () => {
    const events = runEvents({ epochs: 1, stepsPerEpoch: 20 });
    const folder = ui.writeRun('run', events.slice(0, 5));
    const [run] = await ui.runs();
    let writtenAt = Number.POSITIVE_INFINITY;
    const messages = ui.messages(
      `${run!.id}:0`,
      (message) => message.kind === 'steps' && message.from + message.count > 4,
    );
    setTimeout(() => {
      ui.append(folder, events.slice(5, 8));
      writtenAt = performance.now();
    }, 500);
    await messages;
    expect(performance.now() - writtenAt).toBeLessThan(1000);
  });

  test('begins anew when a resumed run cuts its log, also where it has grown again', async () => {
    const events = runEvents({ epochs: 1, stepsPerEpoch: 30 });
    const folder = ui.writeRun('run', events.slice(0, 20));
    const [run] = await ui.runs();
    const messages = ui.messages(
      `${run!.id}:0`,
      (_, all) => all.filter(({ kind }) => kind === 'hello').length === 2,
    );
    setTimeout(() => {
      const lines = events.slice(0, 25).map((event) => JSON.stringify({ time: 'later', ...event }));
      writeFileSync(join(folder, 'log.jsonl'), `${lines.join('\n')}\n`);
    }, 600);
    const [hello] = (await messages).slice(-1);
    expect(hello).toMatchObject({ kind: 'hello', seq: 0 });
  });

  test('follows several runs at once, and says the same from its cache', async () => {
    const many = runEvents({ epochs: 1, stepsPerEpoch: 9000 });
    ui.writeRun('a', many);
    ui.writeRun('b', runEvents({ epochs: 1, stepsPerEpoch: 3 }));
    const runs = await ui.runs();
    const query = runs.map(({ id }) => `${id}:0`).join();
    const isLast = (_: RunMessage, all: readonly RunMessage[]) => all.filter(isPhase).length === 2;
    const [first, second] = [await ui.messages(query, isLast), await ui.messages(query, isLast)];
    expect(second).toEqual(first);
    const a = runs.find(({ name }) => name === 'a')!;
    const view = viewOf(first.filter(({ run }) => run === a.id));
    expect([view.steps, view.firstStep, view.phase]).toEqual([9000, 1, 'done']);
  });
});

test('only the training that has started the server can be asked to stop', async () => {
  const command = (bench: UiBench, body: string, type = 'application/json') =>
    fetch(`${bench.origin}/api/command`, {
      method: 'POST',
      body,
      headers: { authorization: `Bearer ${bench.token}`, 'content-type': type },
    }).then(({ status }) => status);
  expect(await command(ui, '{"kind":"stop"}')).toBe(409);
  const owned = new UiBench();
  const sent: string[] = [];
  await owned.start({
    owner: { folder: join(owned.root, 'mine'), phase: 'paused', send: ({ kind }) => sent.push(kind) },
  });
  owned.writeRun('mine', runEvents({ epochs: 1, stepsPerEpoch: 3 }));
  expect(await command(owned, '{"kind":"stop"}')).toBe(204);
  expect(await command(owned, '{"kind":"rm"}')).toBe(400);
  expect(await command(owned, `{"kind":"${'a'.repeat(5000)}"}`)).toBe(413);
  expect(await command(owned, '{"kind":"stop"}', 'text/plain')).toBe(415);
  expect(sent).toEqual(['stop']);
  expect(await owned.runs()).toMatchObject([{ name: 'mine', phase: 'paused', isOwned: true }]);
  await owned.close();
});
