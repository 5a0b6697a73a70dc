import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../src/io/atomic-file.ts';
import { type BarGroup, barsSvg } from './bars.ts';
import { writePictures } from './markdown.ts';
import { CASES, describeCase } from './network.ts';
import { isPeer } from './process.ts';
import { caseName, markdownOf, type StepReport } from './report.ts';

/** Makes FOLDER/bench.md, bench.svg and bench.png (default: docs/results) anew from every FOLDER/bench/*.json. */

function page(reports: readonly (readonly [file: string, report: StepReport])[]): string {
  const sections = reports.map(
    ([file, report]) =>
      `${markdownOf(report, 2)}\n[The time of every step](bench/${encodeURIComponent(file)})\n`,
  );
  return [
    '# Training steps of Densor and its peers\n',
    'Made by `npm run bench:page` from the files in `bench/`, the newest first; the picture has the newest of each case.\n',
    '![Examples per second of every contender, case by case](bench.png)\n',
    ...sections,
  ].join('\n');
}

/** The newest report of each case, the named ones first. @param reports newest first. */
function groups(reports: readonly StepReport[]): BarGroup[] {
  const newest = new Map<string, StepReport>();
  for (const report of reports) {
    const text = describeCase(report.step);
    if (!newest.has(text)) newest.set(text, report);
  }
  const order = [...Object.keys(CASES), 'custom'];
  const shown = [...newest.values()].sort(
    (a, b) => order.indexOf(caseName(a.step)) - order.indexOf(caseName(b.step)),
  );
  return shown.map(({ step, results }) => ({
    title: `${caseName(step)}: ${describeCase(step)}; examples/s`,
    bars: results.map(({ name, examplesPerSecond }) => ({
      name,
      value: examplesPerSecond,
      isPeer: isPeer(name),
    })),
  }));
}

const folder = process.argv[2] ?? 'docs/results';
const source = join(folder, 'bench');
const reports = (existsSync(source) ? readdirSync(source) : [])
  .filter((file) => file.endsWith('.json'))
  .map((file) => [file, JSON.parse(readFileSync(join(source, file), 'utf8')) as StepReport] as const)
  .sort(([, a], [, b]) => b.date.localeCompare(a.date));
if (reports.length === 0) {
  throw new Error(`${source} holds no reports: make one with npm run bench -- --out ${join(source, 'NAME')}`);
}
writeFileAtomic(join(folder, 'bench.md'), page(reports));
writePictures(join(folder, 'bench'), barsSvg(groups(reports.map(([, report]) => report))));
