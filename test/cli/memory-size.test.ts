import { Command } from 'commander';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatMemorySize, parseMemorySize } from '../../src/cli/memory-size.ts';
import { settingOption } from '../../src/cli/options.ts';

describe('a memory size', () => {
  test.each([
    ['4GiB', 4 * 2 ** 30],
    ['900MiB', 900 * 2 ** 20],
    ['1.5GiB', 1.5 * 2 ** 30],
    ['512MB', 512e6],
    ['2 gib', 2 ** 31],
    ['1000000', 1e6],
    ['0.3KiB', 307],
  ])('%s is %d bytes', (text, bytes) => expect(parseMemorySize(text)).toBe(bytes));

  test.each([
    '',
    'GiB',
    '0',
    '0MiB',
    '-1GiB',
    '4G',
    '1e9',
    '4GiBs',
    '1.GiB',
    '.5GiB',
    '0.5',
    '99999999TiB',
    '4 GiB 1',
  ])('%j is none', (text) =>
    expect(() => parseMemorySize(text)).toThrow(/expected a memory size such as 4GiB/),
  );

  test('is parsed in every unit and case', () => {
    const units = [
      ['KiB', 2 ** 10],
      ['MiB', 2 ** 20],
      ['GiB', 2 ** 30],
      ['MB', 1e6],
      ['B', 1],
    ] as const;
    const unit = fc.constantFrom(...units);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4_000_000 }), unit, fc.boolean(), (n, [name, factor], lower) => {
        expect(parseMemorySize(`${n}${lower ? name.toLowerCase() : name}`)).toBe(n * factor);
      }),
    );
  });

  test('that is suggested is sufficient, and hardly more', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 45 }), (bytes) => {
        const excess = parseMemorySize(formatMemorySize(bytes)) - bytes;
        expect(excess).toBeGreaterThanOrEqual(0);
        expect(excess).toBeLessThan(2 ** 20);
      }),
    );
  });

  test('any other text is refused with the name of the option', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!/^\s*\d/.test(text));
        expect(() => parseMemorySize(text)).toThrow(/expected a memory size/);
      }),
    );
    const command = new Command()
      .addOption(settingOption('memoryLimit', 'train'))
      .exitOverride()
      .configureOutput({ writeErr: () => {} });
    expect(() => command.parse(['--memory-limit', 'much'], { from: 'user' })).toThrow(
      /--memory-limit.*'much' is invalid/,
    );
  });
});
