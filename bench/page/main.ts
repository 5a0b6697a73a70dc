import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../../src/node/files.ts';
import { isPeer } from '../common/contender.ts';
import { CASES, describeCase } from '../common/network.ts';
import { writePictures } from '../common/report.ts';
import type { InferenceReport } from '../inference/report.ts';
import { caseName, markdownOf, type StepReport } from '../step/report.ts';
import { type BarGroup, barsSvg } from './bars.ts';

/**
 * Generates FOLDER/bench.md, bench.svg and bench.png (default: docs/results) from all reports of training steps,
 * FOLDER/bench/*.json, and the latest reports of the other benchmarks, FOLDER/KIND.md.
 */
const folder = process.argv[2] ?? 'docs/results';
const source = join(folder, 'bench');

/** The other benchmarks, in the order of the page. */
const KINDS = [
  'inference',
  'inference-javascript',
  'kernels',
  'end-to-end',
  'time-to-accuracy',
  'memory-limits',
  'scaling',
  'flat',
] as const;

/**
 * Another page as a section of this one, one heading level lower. Links stay valid, because both are in the same
 * folder.
 */
function sectionOf(report: string): string {
  const text = readFileSync(join(folder, `${report}.md`), 'utf8');
  return text.replace(/^(\*\*[^\n]*\n\n)(# [^\n]*\n\n)/, '$2$1').replace(/^#/gm, '##');
}

function page(reports: readonly (readonly [file: string, report: StepReport])[]): string {
  const steps = reports.map(
    ([file, report]) =>
      `${markdownOf(report, 3)}\n[The time of every step](bench/${encodeURIComponent(file)})\n`,
  );
  const others = KINDS.filter((kind) => existsSync(join(folder, `${kind}.md`)));
  return [
    '# Densor compared with other frameworks\n',
    'Made by `npm run bench:page` from the latest report of each kind.\n',
    '![Examples per second of every contender, case by case](bench.png)\n',
    ...others.map(sectionOf),
    '## Training steps\n',
    ...steps,
  ].join('\n');
}

/** The newest report of each case and machine, the named cases first. @param reports newest first. */
function groups(reports: readonly StepReport[]): BarGroup[] {
  const newest = new Map<string, StepReport>();
  for (const report of reports) {
    const text = `${describeCase(report.step)} ${report.machine.model}`;
    if (!newest.has(text)) newest.set(text, report);
  }
  const order = [...Object.keys(CASES), 'custom'];
  const shown = [...newest.values()].sort(
    (a, b) => order.indexOf(caseName(a.step)) - order.indexOf(caseName(b.step)),
  );
  return shown.map(({ step, machine, results }) => ({
    title: `${caseName(step)}: ${describeCase(step)}; examples/s`,
    machine: machine.model,
    bars: results.map(({ name, examplesPerSecond }) => ({
      name,
      value: examplesPerSecond,
      isPeer: isPeer(name),
    })),
  }));
}

function inferenceGroups({ machine, results }: InferenceReport): BarGroup[] {
  return results.map(({ case: { model, size, batch }, contenders }) => ({
    title: `inference: ${model}, ${size}×${size}, batch ${batch}; images/s`,
    machine: machine.model,
    bars: contenders.map((each) => ({
      name: each.name,
      value: each.imagesPerSecond,
      isPeer: isPeer(each.name),
    })),
  }));
}

const reports = (existsSync(source) ? readdirSync(source) : [])
  .filter((file) => file.endsWith('.json'))
  .map((file) => [file, JSON.parse(readFileSync(join(source, file), 'utf8')) as StepReport] as const)
  .sort(([, a], [, b]) => b.date.localeCompare(a.date));
if (reports.length === 0) {
  throw new Error(`${source} holds no reports: make one with npm run bench -- --out ${join(source, 'NAME')}`);
}
writeFileAtomic(join(folder, 'bench.md'), page(reports));
const inference = join(folder, 'inference.json');
const answers = existsSync(inference)
  ? inferenceGroups(JSON.parse(readFileSync(inference, 'utf8')) as InferenceReport)
  : [];
writePictures(join(folder, 'bench'), barsSvg([...groups(reports.map(([, report]) => report)), ...answers]));
