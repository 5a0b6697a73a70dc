import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { MAIN } from '../support/cli.ts';
import { Screen } from '../support/screen.ts';

const TINY = '--model densenet-bc-10-4 --data sample --size 16 --batch 16 --limit 320 --threads 1 --out run';

/** Runs a command in a pseudoterminal; keys are sent once, when the last row of the screen matches. */
async function inTerminal(
  columns: number,
  command: string,
  pressed?: { readonly keys: string; readonly at: RegExp },
) {
  const folder = mkdtempSync(join(tmpdir(), 'densor-terminal-'));
  const child = spawn('script', ['-qec', `stty cols ${columns} rows 24; exec ${command}`, '/dev/null'], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  const screen = new Screen(columns);
  const lastRows = new Set<string>();
  let isPressed = false;
  child.stdout.setEncoding('utf8').on('data', (output: string) => {
    screen.write(output);
    const last = screen.rows().at(-1) ?? '';
    lastRows.add(last);
    if (!pressed || isPressed || !pressed.at.test(last)) return;
    isPressed = true;
    child.stdin.write(pressed.keys);
  });
  const status = await new Promise((resolve) => child.on('close', resolve));
  return { status, lines: screen.lines(), lastRows: [...lastRows] };
}

const train = (words: string) => `${process.execPath} ${MAIN} train ${TINY} ${words}`;

const EPOCH_LINE = /^epoch \d+\/\d+: loss \d\.\d{3}, train acc \d\.\d{3}, test acc \d\.\d{3}, \S+( s)?$/;

test.each([80, 130])(
  'in %i columns, what a run says after Ctrl-C stands on lines of its own',
  async (columns) => {
    const pressed = { keys: '\x03', at: /^epoch [2-9]\/300 .*step/ };
    const { status, lines, lastRows } = await inTerminal(columns, train('--epochs 300'), pressed);
    expect(status).toBe(1);
    const [, start, recipe, ...others] = lines; // The first line is the engine.
    expect(start).toMatch(
      /^densenet-bc-10-4: 2,522 parameters, 320 images, 300 epochs of 20 steps, .* planned$/,
    );
    expect(recipe).toBe('recipe notes: sgd, lr 0.1');
    const epochs = others.slice(
      0,
      others.findIndex((line) => !/^epoch/.test(line)),
    );
    for (const line of epochs) expect(line).toMatch(EPOCH_LINE);
    const [first, second, ...rows] = others.slice(epochs.length);
    expect(first).toMatch(/^finishing this step, then saving \(.*again to stop immediately\)$/);
    expect(second).toMatch(/^interrupted after step \d+$/);
    // The path of the program may take a second row.
    expect(rows.join('')).toMatch(/^saved; continue with: node .*main\.js train --resume run --threads 1$/);
    const steps = lastRows.filter((row) => /^epoch .*step/.test(row));
    expect(steps.length).toBeGreaterThan(0);
    for (const line of steps) {
      expect(line).toMatch(/^epoch \d+\/300 .*step \d+\/20 {2}loss \d\.\d{3} .*ETA \d+(:\d\d)*/);
    }
    if (columns === 130)
      expect(steps.at(-1)).toMatch(/ \[[=-]{20}\] .*train acc .* lr 0\.1 .* examples\/s .* MiB$/);
  },
);

test('a whole run in a terminal leaves no status line', async () => {
  const { status, lines } = await inTerminal(80, train('--epochs 2'));
  expect(status).toBe(0);
  expect(lines.slice(lines.findIndex((line) => EPOCH_LINE.test(line)))).toEqual([
    expect.stringMatching(EPOCH_LINE),
    expect.stringMatching(EPOCH_LINE),
    expect.stringMatching(/^loss \d\.\d{3}, train acc \d\.\d{3}, test acc \d\.\d{3}$/),
    expect.stringMatching(/^[\d.]+ examples\/sec on cpu \(.*\)$/),
    'checkpoints, log and curves are in run',
  ]);
});

test.each([
  ['process.exit(3)', 3, /^before$/],
  ["throw new Error('broken')", 1, /Error: broken/],
])('a process that ends by %s leaves no status line', async (end, expected, told) => {
  const module = new URL('status-line.js', pathToFileURL(MAIN));
  const code = `import { openStatusLine } from '${module}'; console.log('before');
    openStatusLine(1, 2, () => [{ text: 'x'.repeat(60), worth: 1 }]); setTimeout(() => { ${end} }, 300);`;
  const node = `${process.execPath} --input-type=module -e "${code}"`;
  const { status, lines, lastRows } = await inTerminal(80, node);
  expect(status).toBe(expected);
  expect(lastRows).toContain('x'.repeat(60));
  expect(lines.join('\n')).not.toMatch(/x{40}$/m);
  expect(lines.join('\n')).toMatch(new RegExp(told, 'm'));
});
