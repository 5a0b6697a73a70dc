import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LogReader } from '../../src/live/log-reader.ts';
import { STEP_COLUMNS } from '../../src/live/protocol.ts';
import { RunView } from '../../src/live/run-view.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { runEvents, step } from '../support/run-events.ts';

const encode = (text: string) => new TextEncoder().encode(text);
const logOf = (events: readonly TrainEvent[]) =>
  encode(
    events.map((event) => `${JSON.stringify({ time: '2026-11-28T12:00:00.000Z', ...event })}\n`).join(''),
  );

function viewOf(pieces: readonly Uint8Array[]): { readonly view: RunView; readonly reader: LogReader } {
  const [view, reader] = [new RunView(), new LogReader()];
  for (const piece of pieces) for (const { news } of reader.read(piece)) view.apply(news);
  return { view, reader };
}

const numbersOf = (view: RunView) =>
  STEP_COLUMNS.map((name) => Array.from({ length: view.steps }, (_, i) => view.column(name).at(i)));
const stateOf = (view: RunView) => {
  const { phase, start, epochs, points, scores, end, message, steps, firstStep, epoch } = view;
  return { phase, start, epochs, points, scores, end, message, steps, firstStep, epoch, events: view.events };
};

describe('a log', () => {
  test('gives the same run in whatever pieces it is read', () => {
    const bytes = logOf(runEvents({ epochs: 2, stepsPerEpoch: 7 }));
    const { view: whole, reader } = viewOf([bytes]);
    expect(reader.seq).toBe(bytes.length);
    expect(stateOf(whole)).toMatchObject({ phase: 'done', steps: 14, epoch: 2 });
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 30 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const { view } = viewOf(at.slice(1).map((end, i) => bytes.subarray(at[i], end)));
        expect(stateOf(view)).toEqual(stateOf(whole));
        expect(numbersOf(view)).toEqual(numbersOf(whole));
      }),
      { numRuns: 100 },
    );
  });

  test('can be read on from any message', () => {
    const bytes = logOf(runEvents({ epochs: 2, stepsPerEpoch: 7 }));
    const all = new LogReader().read(bytes);
    for (const [i, { seq }] of all.entries()) {
      const rest = new LogReader(seq).read(bytes.subarray(seq));
      expect(rest.map(({ seq: each }) => each)).toEqual(all.slice(i + 1).map(({ seq: each }) => each));
    }
  });

  test('with lines that are no events is read past them', () => {
    const good = JSON.stringify(step(1));
    const lines = [
      '{"kind":"st',
      '[1]',
      'null',
      '{"kind":"__proto__"}',
      '{"kind":"constructor"}',
      '{"kind":"step","globalStep":"1"}',
      '{"kind":"epoch","epoch":0,"trainLoss":"<img src=x onerror=alert(1)>"}',
      '{"kind":"point","point":{"epoch":0,"trainLoss":{}}}',
      '{"kind":"scores","epoch":0,"of":"test","classNames":[],"confusion":[],"mistakes":[1],"side":1,"channels":1}',
      '{"kind":"data","data":"x","classes":[{}],"skipped":[]}',
      '\u0000\u0001',
    ];
    const { view, reader } = viewOf([encode(`${lines.join('\n')}\n${good}\n`)]);
    expect([view.steps, reader.skipped, view.events.length]).toEqual([1, lines.length, 0]);
  });

  test('with a line that does not end is not kept in memory', () => {
    const reader = new LogReader();
    const piece = new Uint8Array(2 ** 20).fill(97);
    for (let i = 0; i < 64; i++) expect(reader.read(piece)).toEqual([]);
    const after = reader.read(encode(`\n${JSON.stringify(step(1))}\n`));
    expect(after).toHaveLength(1);
    expect([reader.skipped, after[0]!.news.kind]).toEqual([1, 'steps']);
    expect(after[0]!.seq).toBe(64 * 2 ** 20 + 1 + JSON.stringify(step(1)).length + 1);
  });
});

describe('a run that is watched', () => {
  const phases = (events: readonly TrainEvent[]) => viewOf([logOf(events)]).view.phase;
  const events = runEvents({ epochs: 1, stepsPerEpoch: 2 });
  const stopped = (reason: 'interrupted' | 'nonFinite' | 'patience') =>
    ({ kind: 'stopped', reason, globalStep: 2, message: 'why' }) as const;

  test('has the phase that its events tell of', () => {
    expect(phases([])).toBe('preparing');
    expect(phases(events.slice(0, 3))).toBe('running');
    expect(phases([...events.slice(0, 3), stopped('interrupted')])).toBe('stopped');
    expect(phases([...events.slice(0, 3), stopped('nonFinite')])).toBe('failed');
    expect(phases([...events.slice(0, 3), stopped('patience')])).toBe('running');
    expect(phases([...events.slice(0, 3), stopped('interrupted'), events[0]!])).toBe('running');
    expect(phases(events)).toBe('done');
  });

  test('begins anew with a hello', () => {
    const { view } = viewOf([logOf(events)]);
    const { generation } = view;
    view.apply({ kind: 'hello', phase: 'lost', steps: 0 });
    expect([view.phase, view.steps, view.events.length, view.end]).toEqual(['lost', 0, 0, undefined]);
    expect(view.generation).toBe(generation + 1);
  });

  test('counts steps that it is told of twice once, and leaves a gap for those it is not told of', () => {
    const view = new RunView();
    const tell = (...numbers: number[]) => {
      const lines = numbers.map((number) => JSON.stringify(step(number))).join('\n');
      for (const { news } of new LogReader().read(encode(`${lines}\n`))) view.apply(news);
    };
    tell(1, 2, 3);
    tell(2, 3, 4);
    expect([view.steps, view.lastStep]).toEqual([4, 4]);
    tell(7);
    expect([view.steps, view.lastStep]).toEqual([7, 7]);
    expect(view.column('loss').at(5)).toBeNaN();
    expect(view.column('loss').at(6)).toBeCloseTo(step(7).loss, 5);
  });
});
