import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { memoryReport } from '../../src/plan/memory/report.ts';
import { decodeBase64 } from '../../src/tensor/base64.ts';
import { PLAN_BUFFER } from '../../src/train/events.ts';
import { planEvent, scorecardOf, scoresEvent, tensorsEvent } from '../../src/train/insight.ts';
import { programsFor } from '../../src/train/programs.ts';
import { OWN_NETWORK } from '../support/colours.ts';

const SET: Dataset = {
  ...{ name: 'made', count: 4, height: 2, width: 2, channels: 1, classNames: ['a', 'b'] },
  ...{ labels: Uint8Array.of(0, 0, 1, 1), pixels: Uint8Array.from({ length: 16 }, (_, i) => i) },
  files: ['1', '2', '3', '4'],
};
const { network } = compile(OWN_NETWORK, [16, 16], programsFor('train', { count: 8, batch: 8 }));

describe('what a run tells of itself', () => {
  test('is what it took for what, with the pictures of its mistakes', () => {
    const card = scorecardOf(SET)!;
    card.add(0, SET.labels, Float32Array.of(2, 0, 0, 1, 0, 3, 0, 1));
    const scores = scoresEvent(3, 'test', card, SET);
    expect(scores).toMatchObject({ epoch: 3, of: 'test', confusion: [0, 0, 1, 0, 1, 1, 1, 1, 2], side: 2 });
    const [mistake] = scores.mistakes;
    expect(mistake).toMatchObject({ index: 1, label: 0, predicted: 1, file: '2' });
    expect([...decodeBase64(mistake!.pixels!)]).toEqual([4, 5, 6, 7]);
  });

  test('is nothing of confusions where there are more classes than anyone looks at', () => {
    const classNames = Array.from({ length: 1001 }, (_, i) => `${i}`);
    expect(scorecardOf({ ...SET, classNames })).toBeUndefined();
  });

  test('is how large the numbers of each parameter are, and of nothing else', async () => {
    const read = async (name: string) => Float32Array.of(3, name.endsWith('bias') ? 0 : -4);
    const tensors = await tensorsEvent(1, { read }, network);
    expect(tensors.names).toEqual(['0.weight', '0.bias', '1.weight', '1.bias', '6.weight', '6.bias']);
    expect([tensors.largest.slice(0, 2), tensors.rms.slice(0, 2)]).toEqual([
      [4, 3],
      [3.536, 2.121],
    ]);
  });

  test('is what lies where in the arena of a step, when', () => {
    const event = planEvent(network, 2)!;
    const { plan } = network.programs.get('train 8')!;
    const report = memoryReport(plan, 2);
    const inArena = report.buffers.filter(({ slab }) => slab === 'transient');
    expect(event.buffers).toHaveLength(PLAN_BUFFER.length * inArena.length);
    expect([event.arenaBytes, event.peakRecord]).toEqual([report.transientBytes, report.peak.record]);
    expect(event.records).toHaveLength(report.records);
    const [first, last, offset, bytes, , reason] = event.buffers as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const largest = inArena.find((each) => each.offset === offset && each.interval.first === first)!;
    expect([last, bytes, event.reasons[reason]]).toEqual([
      largest.interval.last,
      largest.bytes,
      largest.reason,
    ]);
  });
});
