import { expect, test } from 'vitest';
import type { RunNews } from '../../src/live/protocol.ts';
import { RunView } from '../../src/live/run-view.ts';
import { readLog } from '../../web/logs/read-log.ts';
import { runEvents } from '../support/run-events.ts';

const LOG = runEvents({ epochs: 2, stepsPerEpoch: 200 })
  .map((event) => JSON.stringify(event))
  .join('\n');

async function read(text: string, most?: number) {
  const view = new RunView();
  const found = await readLog(new Blob([text]), (news: RunNews) => view.apply(news), most);
  return { ...found, view };
}

test('a dropped log is read to its end, whether or not its last line has a newline', async () => {
  for (const text of [LOG, `${LOG}\n`]) {
    const { view, ...found } = await read(text);
    expect(found).toEqual({ hasEvents: true, skipped: 0, cutAt: undefined });
    expect([view.phase, view.steps, view.epochs.length]).toEqual(['done', 400, 2]);
  }
});

test('damaged lines are counted, and a torn last line is one of them', async () => {
  const { view, ...found } = await read(`${LOG}\nnot json\n{"kind":"step","glob`);
  expect(found).toEqual({ hasEvents: true, skipped: 2, cutAt: undefined });
  expect(view.steps).toBe(400);
});

test('a log that is too long is cut, within a line if need be', async () => {
  const most = Math.floor(LOG.length / 2);
  const { view, ...found } = await read(LOG, most);
  expect(found).toEqual({ hasEvents: true, skipped: 0, cutAt: most });
  expect(view.steps).toBeGreaterThan(100);
  expect(view.steps).toBeLessThan(300);
  expect(view.phase).toBe('running');
});

test('a file that is no log has no events', async () => {
  expect(await read('class,label\n1,2\n')).toMatchObject({ hasEvents: false, skipped: 2 });
  expect(await read('')).toMatchObject({ hasEvents: false, skipped: 0 });
});
