import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newLog, type RunLog, resumedLog } from '../../src/run/log.ts';
import type { RunState } from '../../src/train/checkpoint.ts';
import type { TrainEvent } from '../../src/train/events.ts';

let folder: string;
let log: RunLog | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => {
  log?.close();
  log = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const path = () => join(folder, 'log.jsonl');
const checkpoint = (globalStep: number, best = false) =>
  ({ kind: 'checkpoint', path: 'last', globalStep, best }) as const satisfies TrainEvent;
const stateAt = (globalStep: number, logBytes?: number) =>
  ({ progress: { globalStep }, ...(logBytes !== undefined && { logBytes }) }) as RunState;
const lines = () =>
  readFileSync(path(), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line).globalStep);

function resume(state: RunState): readonly string[] {
  const warnings: string[] = [];
  log = resumedLog(path(), state, (warning) => warnings.push(warning));
  return warnings;
}

describe('the log of a resumed run', () => {
  test('is truncated to its size at the checkpoint', () => {
    const first = newLog(path());
    first.listener(checkpoint(1));
    const logBytes = first.sync();
    for (const step of [2, 3]) first.listener(checkpoint(step));
    first.close();
    writeFileSync(path(), `${readFileSync(path(), 'utf8')}{"kind":"st`);
    expect(resume(stateAt(1, logBytes))).toEqual([]);
    log!.listener(checkpoint(2));
    expect(lines()).toEqual([1, 2]);
    expect(log!.sync()).toBe(readFileSync(path()).length);
  });

  test('keeps valid lines after a damaged one', () => {
    const text = '{"globalStep":1}\n#\0damaged\n{"globalStep":2}\n';
    writeFileSync(path(), text);
    expect(resume(stateAt(2, text.length))).toEqual([]);
    expect(readFileSync(path(), 'utf8')).toBe(text);
  });

  test('that was lost, in part or completely, is reported, and new lines are not appended to partial ones', () => {
    writeFileSync(path(), '{"globalStep":1}\n{"globalStep":2}');
    expect(resume(stateAt(5, 1000))).toEqual([
      `warning: ${path()}: the last 967 of its 1000 bytes are missing: events before step 5 are lost`,
    ]);
    log!.listener(checkpoint(6));
    expect(lines()).toEqual([1, 2, 6]);
    log!.close();
    rmSync(path());
    expect(resume(stateAt(5, 1000))).toEqual([
      expect.stringMatching(/the log is missing: events before step 5/),
    ]);
  });

  test('of a checkpoint of format 1, which does not store its size, ends before the first step after it', () => {
    const step = (globalStep: number) => `${JSON.stringify({ kind: 'step', globalStep })}\n`;
    const before = `${step(1)}#damaged\n${step(2)}{"kind":"point"}\n`;
    writeFileSync(path(), `${before}${step(3)}{"kind":"st`);
    expect(resume(stateAt(2))).toEqual([]);
    expect(readFileSync(path(), 'utf8')).toBe(before);
    log!.close();
    writeFileSync(path(), `${before}{"kind":"st`);
    expect(resume(stateAt(2))).toEqual([]);
    expect(readFileSync(path(), 'utf8')).toBe(before);
  });
});

test('the log of a new run has no events of an attempt without checkpoint', () => {
  writeFileSync(path(), '{"kind":"start"}\n');
  log = newLog(path());
  log.listener({ kind: 'evaluating', epoch: 0, done: 1, total: 2 });
  log.listener(checkpoint(0));
  expect(lines()).toEqual([0]);
});
