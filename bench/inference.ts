import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { formatTable } from '../src/cli/format.ts';
import { nativeIsas } from '../src/engine/native/load-module.ts';
import { INFERENCE_CASES, type InferenceCase, onnxOf } from './inference-case.ts';
import type { InferenceAnswer } from './inference-contender.ts';
import {
  type InferenceReport,
  inferenceMarkdown,
  inferenceTable,
  measureInference,
} from './inference-report.ts';
import { describeMachine, doubt, spinText } from './machine.ts';
import { onnxruntimeFolder } from './onnxruntime.ts';
import { type Contender, startProcess } from './process.ts';
import { takeTurns } from './turns.ts';

/**
 * Times inference of Densor's engines and of onnxruntime-node, on the file that Densor exports, in one run: every
 * contender is a process of its own that stays warm, and they take turns.
 */

interface BenchOptions {
  readonly case: readonly string[];
  readonly contenders?: string;
  readonly rounds: number;
  readonly turn: number;
  readonly out?: string;
}

const WARM_UP = 1;
const script = fileURLToPath(new URL('./inference-contender.js', import.meta.url));

async function main(): Promise<void> {
  const names = Object.keys(INFERENCE_CASES);
  const command = new Command('bench-inference')
    .description('inference of several engines, in turns')
    .addOption(
      new Option('--case <names...>', 'what answers to how many images').choices(names).default(names),
    )
    .option('--contenders <names>', 'comma separated (default: native, WASM, onnxruntime)')
    .option('--rounds <n>', 'turns of each', Number, 5)
    .option('--turn <ms>', 'how long a turn is', Number, 400)
    .option('--out <file>', 'writes FILE.json and FILE.md')
    .parse();
  const { case: cases, contenders, rounds, turn, out } = command.opts<BenchOptions>();
  const found = contenders?.split(',') ?? [
    `native:${nativeIsas()[0] ?? 'scalar'}`,
    'wasm:relaxed-simd',
    'onnxruntime',
  ];
  const machine = await describeMachine();
  process.stderr.write(`${spinText(machine)}\n`);
  const results: InferenceReport['results'][number][] = [];
  for (const name of cases) {
    const of = { ...INFERENCE_CASES[name]!, turnMs: turn };
    process.stderr.write(`${name}\n`);
    results.push(measureInference(name, of, await turnsOf(found, of, rounds)));
  }
  const report: InferenceReport = {
    date: new Date().toISOString(),
    command: ['npm run bench:inference --', ...process.argv.slice(2)].join(' '),
    machine,
    rounds,
    results,
  };
  const warning = doubt(machine);
  process.stdout.write(`${warning ? `${warning}\n` : ''}${formatTable(inferenceTable(report))}\n`);
  if (!out) return;
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(`${out}.md`, inferenceMarkdown(report));
  writeFileSync(`${out}.json`, `${JSON.stringify(report, undefined, 1)}\n`);
}

async function turnsOf(
  names: readonly string[],
  of: InferenceCase,
  rounds: number,
): Promise<ReadonlyMap<string, InferenceAnswer[]>> {
  const folder = mkdtempSync(join(tmpdir(), 'densor-bench-'));
  const file = join(folder, 'network.onnx');
  const contenders: Contender<InferenceAnswer>[] = [];
  try {
    const peer = names.includes('onnxruntime') ? onnxruntimeFolder() : folder;
    writeFileSync(file, onnxOf(of));
    for (const name of names) {
      contenders.push(startProcess(name, process.execPath, [script, name, JSON.stringify(of), file, peer]));
    }
    return await takeTurns(contenders, WARM_UP, rounds);
  } finally {
    for (const contender of contenders) contender.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
