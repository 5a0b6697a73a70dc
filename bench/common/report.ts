import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { formatBytes, formatTable } from '../../src/cli/format.ts';
import { writeFileAtomic } from '../../src/node/files.ts';
import { pngOf } from '../../src/node/png.ts';
import { describeMachine, doubt, type Machine, spinText } from './machine.ts';

/** Functions shared by the reports of all benchmarks. */

/** The fields common to all reports. */
export interface ReportHead {
  /** ISO 8601. */
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
}

/** Describes this run and its machine, and prints whether the machine is quiet. Takes about two seconds. */
export async function reportHead(script: string): Promise<ReportHead> {
  const machine = await describeMachine();
  process.stderr.write(`${spinText(machine)}\n`);
  return { date: new Date().toISOString(), command: commandLine(script), machine };
}

/** Date and machine of a benchmark, as part of a sentence. */
export function whenAndWhere({ date, machine }: Pick<ReportHead, 'date' | 'machine'>): string {
  const { model, processors, memoryBytes, isas, node } = machine;
  return (
    `${date.slice(0, 16).replace('T', ' ')} UTC; ${model}; ${processors} processors (${spinText(machine)}), ` +
    `${formatBytes(memoryBytes)}; native instruction sets: ${isas.join(', ') || 'none'}; Node ${node}`
  );
}

/** The warning about unreliable measurements as a bold paragraph; empty without a warning. */
export function doubtParagraph(machine: Machine): string {
  const text = doubt(machine);
  return text === undefined ? '' : `**${text}**\n\n`;
}

/** The command line of this process as `npm run NAME -- …`. */
function commandLine(script: string): string {
  const given = process.argv.slice(2);
  return [`npm run ${script}`, ...(given.length > 0 ? ['--'] : []), ...given].join(' ');
}

/** Prints a table. */
export function showTable(table: readonly (readonly string[])[], machine?: Machine): void {
  const warning = machine && doubt(machine);
  process.stdout.write(`${warning ? `${warning}\n` : ''}${formatTable(table).join('\n')}\n`);
}

/** Writes `OUT.md` and `OUT.json`. */
export function writeReport(out: string, markdown: string, report: object): void {
  mkdirSync(dirname(out), { recursive: true });
  writeFileAtomic(`${out}.md`, markdown);
  writeFileAtomic(`${out}.json`, `${JSON.stringify(report, undefined, 1)}\n`);
}

/** Writes `OUT.svg` and `OUT.png`. */
export function writePictures(out: string, svg: string): void {
  writeFileAtomic(`${out}.svg`, svg);
  writeFileAtomic(`${out}.png`, [pngOf(svg)]);
}

/** A row for a failed contender, with the reason. @param cells the first cells. */
export function cannotRow(cells: readonly string[], text: string, columns: number): string[] {
  const [line] = text.split('\n');
  return [...cells, `cannot: ${line}`, ...Array<string>(columns - cells.length - 1).fill('')];
}
