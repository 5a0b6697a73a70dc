import { Command } from 'commander';
import { openFashionMnist, PUBLIC_SOURCES } from '../../src/node/data/fashion-mnist.ts';
import { hasIdxFiles } from '../../src/node/data/idx-files.ts';
import { Progress } from '../common/progress.ts';
import { reportHead, showTable, writeReport } from '../common/report.ts';
import { orderOf } from '../common/turns.ts';
import { type EpochReport, epochMarkdown, epochTable } from './report.ts';
import { type EpochCase, type EpochRun, runEpoch, trainArguments } from './run.ts';

/**
 * Measures one epoch on real data from the start to the end of a process, for `densor train` and PyTorch: reading
 * files, shuffling and resizing images, training, and evaluation on all test images. Every run is a new process,
 * and contenders alternate, so that disturbances of the machine affect all equally.
 */

interface BenchOptions extends EpochCase {
  readonly contenders: string;
  readonly rounds: number;
  readonly dataDir?: string;
  readonly out?: string;
}

const CONTENDERS = [
  'native',
  'native:bf16',
  'wasm',
  'pytorch:channels_last',
  'pytorch:channels_last+kept-heap',
];

const command = new Command('bench-end-to-end')
  .description('one epoch on Fashion-MNIST, from files to a test accuracy')
  .option('--contenders <names>', 'separated by commas', CONTENDERS.join(','))
  .option('--rounds <n>', 'runs of each contender', Number, 3)
  .option('--limit <images>', 'number of training images', Number, 3000)
  .option('--size <pixels>', 'height and width that images are resized to', Number, 48)
  .option('--batch <images>', 'images per step', Number, 128)
  .option('--threads <n>', 'threads of each contender', Number, 2)
  .option('--learning-rate <rate>', 'learning rate of SGD', Number, 0.1)
  .option('--seed <n>', 'seed of each contender', Number, 0)
  .option('--data-dir <dir>', 'folder with the four files')
  .option('--out <file>', 'writes FILE.json and FILE.md')
  .parse();
const { contenders, rounds, dataDir, out, ...of } = command.opts<BenchOptions>();
const data = dataDir ?? (await fashionFolder());
const head = await reportHead('bench:end-to-end');
const names = contenders.split(',');
const runs = new Map<string, EpochRun[]>(names.map((name) => [name, []]));
const progress = new Progress('run', rounds * names.length);
for (let round = 0; round < rounds; round++) {
  for (const name of orderOf(round, names)) {
    runs.get(name)!.push(await runEpoch(name, of, data));
    progress.advance(name);
  }
}
const report: EpochReport = {
  ...head,
  densor: `densor ${trainArguments('ENGINE:TYPE', of).join(' ')}`,
  case: of,
  rounds,
  results: names.map((name) => ({ name, runs: runs.get(name)! })),
};
showTable(epochTable(report), head.machine);
if (out) writeReport(out, epochMarkdown(report), report);

/** The folder from which Densor reads Fashion-MNIST, which is downloaded if missing. */
async function fashionFolder(): Promise<string> {
  const { cache, installed } = PUBLIC_SOURCES;
  const folder = [cache, installed].find((place) => hasIdxFiles(place));
  if (folder !== undefined) return folder;
  const note = (text: string) => void process.stderr.write(`${text}\n`);
  await openFashionMnist(undefined, { note, bytes: () => {} });
  return cache;
}
