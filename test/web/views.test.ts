import { describe, expect, test } from 'vitest';
import { greyMaps } from '../../web/lab/grey-maps.ts';
import { profileRows } from '../../web/screens/profile-rows.ts';
import { classMapOf, heatOf, mostOf } from '../../web/screens/try/heat.ts';

describe('the rows of a measured step', () => {
  const profile = {
    ...({ kind: 'profile', globalStep: 10, stepMs: 12 } as const),
    parts: ['stem', 'dense block 1'],
    ops: ['conv2d', 'relu'],
    // Part, op, calls, ms, flops, bytes.
    rows: [0, 0, 1, 2, 100, 10, 1, 0, 3, 5, 300, 30, 1, 1, 1, 1, 7, 70],
  };

  test('are added up by the kind of kernel, and by the part of the network', () => {
    expect(profileRows(profile, 'op')).toEqual([
      { name: 'conv2d', calls: 4, ms: 7, flops: 400, bytes: 40 },
      { name: 'relu', calls: 1, ms: 1, flops: 7, bytes: 70 },
    ]);
    expect(profileRows(profile, 'part')).toEqual([
      { name: 'dense block 1', calls: 4, ms: 6, flops: 307, bytes: 100 },
      { name: 'stem', calls: 1, ms: 2, flops: 100, bytes: 10 },
    ]);
  });

  test('that a damaged log has cut, or that name nothing, are left out', () => {
    const damaged = { ...profile, rows: [0, 0, 1, 2, 100, 10, 9, 9, 1, 1, 1, 1, 0, 0, 1] };
    expect(profileRows(damaged, 'op')).toEqual([{ name: 'conv2d', calls: 1, ms: 2, flops: 100, bytes: 10 }]);
  });
});

test('a class map is one channel, with its mean and its highest place', () => {
  // [2, 3, 2]: of two classes.
  const data = [1, 0, 2, 0, 3, 0, 4, 0, 9, 0, -1, -20];
  const map = classMapOf({ height: 2, width: 3, channels: 2, data }, 0);
  expect(map).toEqual({ height: 2, width: 3, values: [1, 2, 3, 4, 9, -1], mean: 3, row: 1, column: 1 });
  expect(mostOf(data)).toBe(20);
  expect(heatOf(-20, 20)).toBe('rgba(0, 114, 178, 0.850)');
  expect(heatOf(10, 20)).toBe('rgba(213, 94, 0, 0.425)');
  expect(heatOf(0, 0)).toBe('rgba(213, 94, 0, 0.000)');
});

test('channels become grey pictures from their own lowest to their own highest number', () => {
  const maps = { height: 1, width: 3, channels: 3, data: Float32Array.of(0, 5, -2, 1, 5, 0, 2, 5, 6) };
  expect(greyMaps(maps, 1, 64)).toEqual([
    { channel: 1, width: 3, height: 1, pixels: Uint8Array.of(0, 0, 0), least: 5, mean: 5, greatest: 5 },
    {
      ...{ channel: 2, width: 3, height: 1, least: -2, greatest: 6 },
      pixels: Uint8Array.of(0, 64, 255),
      mean: 4 / 3,
    },
  ]);
});
