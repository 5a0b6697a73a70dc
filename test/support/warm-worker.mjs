import '../../dist/src/cli/heap.js'; // First, as in main.ts.
import { createRequire } from 'node:module';
import { setTimeout } from 'node:timers/promises';

drawOnce();
const { runProgram } = await import('../../dist/src/cli/program.js');

/**
 * Runs command lines in sequence, each as main.ts does. Output goes to stdout and stderr of this process, followed
 * by a mark; the exit status is sent to the parent.
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

/** Whether an active resource would keep a normal process alive; ignores stdout, stderr and the parent. */
function isAtWork() {
  return process.getActiveResourcesInfo().some((kind) => kind !== 'PipeWrap');
}

/**
 * Replaces all PNGs by a constant one, because rendering takes half the time of a tiny run. SVGs are generated.
 */
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
