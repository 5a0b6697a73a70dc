import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { nativeIsas } from '../../src/engine/cpu/native/load-module.ts';
import { CAP_MS, startProcess } from '../common/contender.ts';
import { Progress } from '../common/progress.ts';
import { reportHead, showTable, writeReport } from '../common/report.ts';
import { inTurns, type TurnOptions } from '../common/turns.ts';
import { installPeer, npmPeerOf } from '../peers/packages.ts';
import { INFERENCE_CASES, type InferenceCase, onnxOf } from './case.ts';
import type { InferenceAnswer } from './contender.ts';
import { type InferenceReport, inferenceMarkdown, inferenceTable, measureInference } from './report.ts';

/**
 * Measures the inference of Densor's engines and of peers (onnxruntime-node with the file that Densor exports;
 * TensorFlow.js and jax-js with the same weights) in one run. Every contender is a separate warm process; they
 * alternate.
 */

interface BenchOptions {
  readonly case: readonly string[];
  readonly contenders?: string;
  readonly rounds: number;
  readonly turn: number;
  readonly cap: number;
  readonly threads: number;
  readonly out?: string;
}

const WARM_UP = 1;
const script = fileURLToPath(new URL('./contender.js', import.meta.url));

async function main(): Promise<void> {
  const names = Object.keys(INFERENCE_CASES);
  const command = new Command('bench-inference')
    .description('inference of several engines, which alternate')
    .addOption(new Option('--case <names...>', 'network and batch size').choices(names).default(names))
    .option(
      '--contenders <names>',
      'separated by commas, also tfjs:wasm, tfjs:cpu and jax-js (default: native, WASM, onnxruntime)',
    )
    .option('--rounds <n>', 'rounds, in which the contenders alternate', Number, 5)
    .option('--turn <ms>', 'duration of a measurement', Number, 400)
    .option('--cap <seconds>', 'skip peers that take longer', Number, CAP_MS / 1000)
    .option('--threads <n>', 'threads of each contender that supports several', Number, 2)
    .option('--out <file>', 'writes FILE.json and FILE.md')
    .parse();
  const { case: cases, contenders, rounds, turn, cap, threads, out } = command.opts<BenchOptions>();
  const found = contenders?.split(',') ?? [
    `native:${nativeIsas()[0] ?? 'scalar'}`,
    'wasm:relaxed-simd',
    'onnxruntime',
  ];
  const head = await reportHead('bench:inference');
  const progress = new Progress('round', cases.length * rounds);
  const results: InferenceReport['results'][number][] = [];
  for (const name of cases) {
    const of = { ...INFERENCE_CASES[name]!, threads, turnMs: turn };
    const turns = await turnsOf(found, of, { rounds, progress, capMs: 1000 * cap });
    results.push(measureInference(name, of, turns));
  }
  const report: InferenceReport = { ...head, rounds, results };
  showTable(inferenceTable(report), head.machine);
  if (out) writeReport(out, inferenceMarkdown(report), report);
}

function turnsOf(
  names: readonly string[],
  of: InferenceCase,
  { capMs, ...options }: Omit<TurnOptions, 'warmUp'> & { readonly capMs: number },
) {
  const prepare = (folder: string) => {
    const file = join(folder, 'network.onnx');
    writeFileSync(file, onnxOf(of));
    return (name: string) => {
      const peer = npmPeerOf(name);
      const args = [script, name, JSON.stringify(of), file, ...(peer ? [installPeer(peer)] : [])];
      return startProcess<InferenceAnswer>(name, process.execPath, args, { capMs });
    };
  };
  return inTurns(names, prepare, { warmUp: WARM_UP, ...options });
}

await main();
