import { describe, expect, test } from 'vitest';
import {
  CONTROL_BLOCK,
  CONTROL_WORDS,
  constants,
  controlWord,
  SCALARS,
} from '../../src/target/cpu/constants.ts';
import { interfaceHeader } from '../../tools/generate-header.ts';
import { kernelSources } from '../../tools/kernel-sources.ts';

const HEADER = 'kernels/base/interface.h';
const header = interfaceHeader();
const sources = [...kernelSources()].filter(([path]) => /\.(h|cpp)$/.test(path) && path !== HEADER);

describe('the interface of the C++ kernels', () => {
  test('has every constant, and no source has another of that name', () => {
    for (const [name, value] of Object.entries(constants)) {
      expect(header).toMatch(new RegExp(`^constexpr (int|Address) ${name} = ${value}u?;$`, 'm'));
      const definition = new RegExp(`#define ${name}\\b|\\b${name}\\s*=[^=]`);
      expect(
        sources.filter(([, text]) => definition.test(text)).map(([path]) => path),
        name,
      ).toEqual([]);
    }
  });

  test.each([
    'Control',
    'Scalars',
    'Slabs',
    'RecordHeader',
    'RunOffset',
    'PeakOffset',
    'PeakKernel',
    'OpCode',
  ])('%s is declared once, in the generated header', (name) => {
    const declaration = new RegExp(`^\\s*(struct|enum|enum class) ${name}\\b[^;]*\\{`, 'm');
    expect(header).toMatch(declaration);
    expect(sources.filter(([, text]) => declaration.test(text)).map(([path]) => path)).toEqual([]);
  });

  test('is what the kernels use instead of numbers', () => {
    const literals = [
      /0x3fffffff/,
      /address >> \d/,
      /roundUp\([^()]*, (16|32|64)\)/,
      /scalars\[/,
      /align_val_t\{\d/,
    ];
    for (const literal of literals) {
      expect(
        sources.filter(([, text]) => literal.test(text)).map(([path]) => path),
        `${literal}`,
      ).toEqual([]);
    }
  });

  test('lays the control block and the scalars out as engines write them', () => {
    expect(header).toContain(
      'struct Control {\n  uint32_t arrived;\n  uint32_t generation;\n  uint32_t nextChunk[2];\n  uint32_t failedRecord;\n};',
    );
    expect(Object.keys(CONTROL_BLOCK).map((name) => controlWord(name as keyof typeof CONTROL_BLOCK))).toEqual(
      [0, 1, 2, 4],
    );
    expect(CONTROL_WORDS).toBe(5);
    expect(CONTROL_WORDS * 4).toBeLessThanOrEqual(constants.CONTROL_BYTES);
    expect(header).toContain(
      'struct Scalars {\n  float learningRate;\n  float step;\n  uint32_t stepSeed;\n  uint32_t firstImage;\n};',
    );
    expect(Object.keys(SCALARS).length).toBe(4);
  });
});
