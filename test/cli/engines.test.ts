import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type EngineName, openEngine, targetOf } from '../../src/cli/engines.ts';
import { runProgram } from '../../src/cli/program.ts';
import { registerEngine } from '../../src/run/engine-table.ts';
import { goldenPath } from '../support/golden.ts';
import { STUB } from '../support/stub-engine.ts';

const FILE = goldenPath('notes_net.safetensors');

describe('the table of engines', () => {
  let said = '';
  beforeEach(() => {
    said = '';
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      said += text;
      return true;
    });
  });
  afterEach(() => vi.restoreAllMocks());

  test('accepts another engine, which may refuse programs', async () => {
    const remove = registerEngine('stub', STUB);
    try {
      const status = await runProgram(['verify', '--engine', 'stub', FILE]);
      expect(said).toMatch(/^densor: target stub has no kernel for \w+; use another --engine\n$/);
      expect(status).toBe(2);
    } finally {
      remove();
    }
  });

  test('refuses an unknown name', async () => {
    expect(await runProgram(['verify', '--engine', 'stub', FILE])).toBe(2);
    expect(said).toMatch(/expected auto, native, wasm, webgpu or reference/);
    const unknown = 'stub' as EngineName;
    await expect(openEngine(unknown, 1)).rejects.toThrow('unknown engine stub');
    await expect(targetOf(unknown)).rejects.toThrow('unknown engine stub');
  });

  test('refuses a name twice', () => {
    const remove = registerEngine('stub', STUB);
    expect(() => registerEngine('stub', STUB)).toThrow('already');
    remove();
  });
});
