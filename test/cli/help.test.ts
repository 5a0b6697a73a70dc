import { afterEach, describe, expect, test, vi } from 'vitest';
import { inFlags } from '../../src/cli/errors.ts';
import { runProgram } from '../../src/cli/program.ts';
import { COMMAND_NAMES } from '../../src/train/settings/setting.ts';
import { flagOf, SETTINGS, settingsOf } from '../../src/train/settings/table.ts';

afterEach(() => vi.restoreAllMocks());

async function help(...words: string[]): Promise<string> {
  let text = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += chunk;
    return true;
  });
  expect(await runProgram([...words, '--help'])).toBe(0);
  vi.restoreAllMocks();
  return text;
}

/** Each option's text, its lines joined. */
function optionsIn(text: string): ReadonlyMap<string, string> {
  const [body] = text.split('\nExamples:') as [string];
  const options = body.split(/\n(?= {2}(?:-h, )?--)/).slice(1);
  return new Map(
    options.map((option) => [/--[\w-]+/.exec(option)![0], option.split('\n\n')[0]!.replace(/\s+/g, ' ')]),
  );
}

describe('help of', () => {
  test.each(COMMAND_NAMES)('%s has a default or choice for every option, and two examples', async (name) => {
    const text = await help(name);
    const options = optionsIn(text);
    for (const setting of settingsOf(name)) {
      const option = options.get(flagOf(setting));
      if (SETTINGS[setting].value === undefined) expect(option).toBeDefined();
      else expect(option).toMatch(/default: [^)]|required\)/);
    }
    for (const [flag, option] of options) {
      if (/^ --[\w-]+ </.test(option))
        expect([flag, option]).toEqual([flag, expect.stringMatching(/default: |required/)]);
    }
    const examples = text.split('\nExamples:\n')[1]!.trim().split('\n');
    expect(examples).toHaveLength(2);
    for (const example of examples) {
      expect(example.trim()).toMatch(new RegExp(`^densor ${name} `));
      for (const [flag] of example.matchAll(/--[\w-]+/g)) expect([...options.keys()]).toContain(flag);
    }
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test("train says what depends on the recipe, and the notes' value", async () => {
    const options = optionsIn(await help('train'));
    expect(options.get('--lr')).toContain('(default: set by the recipe; notes: 0.1)');
    expect(options.get('--warmup')).toContain('(default: 0)');
    expect(options.get('--clip')).toContain('(default: none)');
    expect(options.get('--threads')).toContain('(default: all processors)');
  });
});

test('errors name settings as flags; other names are unchanged', () => {
  expect(inFlags('`microBatch` 64 is more than the batch of 32')).toBe(
    '--micro-batch 64 is more than the batch of 32',
  );
  expect(inFlags('use a larger `size`, or `npm run build`, or `soup`')).toBe(
    'use a larger --size, or `npm run build`, or `soup`',
  );
});
