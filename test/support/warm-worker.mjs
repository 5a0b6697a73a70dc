import '../../dist/src/cli/heap.js'; // First, as in main.ts.
import { createRequire } from 'node:module';
import { setTimeout } from 'node:timers/promises';

drawOnce();
const { runProgram } = await import('../../dist/src/cli/program.js');

/**
 * Runs one command line after the other as main.ts runs one: what it says goes to this process's stdout and stderr, with
 * a mark behind it, and its status to the parent.
 */
process.on('message', async ({ main, folder, words, mark }) => {
  process.chdir(folder);
  process.argv = [process.execPath, main, ...words];
  process.exitCode = undefined;
  const returned = await runProgram(words);
  while (isAtWork()) await setTimeout(1);
  const status = returned || Number(process.exitCode ?? 0);
  for (const stream of [process.stdout, process.stderr]) stream.write(mark);
  process.send({ status });
});

/** Whether something is left that would keep a process of its own from ending: all but stdout, stderr and the parent. */
function isAtWork() {
  return process.getActiveResourcesInfo().some((kind) => kind !== 'PipeWrap');
}

/** Every PNG is this one: the curves would be half the time of a tiny run. Their SVG is drawn each time. */
function drawOnce() {
  const resvg = createRequire(import.meta.url)('@resvg/resvg-js');
  const picture = new resvg.Resvg('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>').render();
  resvg.Resvg = class {
    render() {
      return picture;
    }
  };
}

process.send('ready');
