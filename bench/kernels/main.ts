import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { nativeIsas } from '../../src/engine/cpu/native/load-module.ts';
import { isPytorch, pytorchOf, startProcess } from '../common/contender.ts';
import { PYTHON, peerScript } from '../common/programs.ts';
import { reportHead, showTable, writeReport } from '../common/report.ts';
import { failuresField, inTurns } from '../common/turns.ts';
import { notesConvolutions, type PassTimes } from './case.ts';
import { type KernelReport, kernelMarkdown, kernelTable } from './report.ts';

/**
 * Measures single convolutions of the notes' network, forward and backward, with the kernels of Densor and of PyTorch, in
 * one run. Every contender is a separate warm process; they alternate.
 */

interface BenchOptions {
  readonly contenders?: string;
  readonly rounds: number;
  readonly size: number;
  readonly batch: number;
  readonly threads: number;
  readonly out?: string;
}

const CONTENDER = fileURLToPath(new URL('./contender.js', import.meta.url));

const command = new Command('bench-kernels')
  .description('single convolutions of several engines, which alternate')
  .option('--contenders <names>', 'separated by commas (default: native, WASM, PyTorch)')
  .option('--rounds <n>', 'rounds, in which the contenders alternate', Number, 7)
  .option('--size <pixels>', 'image size', Number, 96)
  .option('--batch <images>', 'images per convolution', Number, 256)
  .option('--threads <n>', 'threads of each contender', Number, 2)
  .option('--out <file>', 'writes FILE.json and FILE.md')
  .parse();
const { contenders, rounds, size, batch, threads, out } = command.opts<BenchOptions>();
const names = contenders?.split(',') ?? [
  `native:${nativeIsas()[0] ?? 'scalar'}`,
  'wasm:relaxed-simd',
  'pytorch:channels_last',
  'pytorch:channels_last+kept-heap',
];
const convolutions = notesConvolutions(size, batch);
const head = await reportHead('bench:kernels');
const start = (name: string) => {
  const given = [JSON.stringify(convolutions), `${threads}`];
  if (!isPytorch(name))
    return startProcess<readonly PassTimes[]>(name, process.execPath, [CONTENDER, name, ...given]);
  const { format, environment } = pytorchOf(name);
  return startProcess<readonly PassTimes[]>(
    name,
    PYTHON,
    [peerScript('pytorch_kernels.py'), format, ...given],
    { environment },
  );
};
const turns = await inTurns(names, () => start, { warmUp: 1, rounds });
const report: KernelReport = {
  ...head,
  rounds,
  threads,
  convolutions,
  results: [...turns.answers].map(([name, answers]) => ({ name, turns: answers })),
  ...failuresField(turns),
};
showTable(kernelTable(report), head.machine);
if (out) writeReport(out, kernelMarkdown(report), report);
