import { join } from 'node:path';
import { compile, type MemoryBudget, type TrainingLadder, trainingLadder } from '../compile.ts';
import type { Model } from '../model/module.ts';
import { stateBytes } from '../plan/compiled-network.ts';
import { ROLE_TEXTS } from '../plan/memory/describe.ts';
import { partOf } from '../plan/memory/part.ts';
import { type BufferReport, type MemoryReport, memoryReport, phaseOf } from '../plan/memory/report.ts';
import { type RungReport, rungReports } from '../plan/memory/rung-report.ts';
import type { Precision } from '../tensor/precision.ts';
import { planBudget } from '../train/process-memory.ts';
import { formatBytes, formatTable } from './format.ts';
import { memoryPicture } from './memory-picture.ts';
import { writePicture } from './write-picture.ts';

/** What `summary --memory` is asked. */
export interface MemoryRequest {
  readonly name: string;
  readonly model: Model;
  readonly size: number;
  readonly batch: number;
  readonly precision: Precision;
  readonly threads: number;
  /** Bytes that the process of a `bench` may take: the rung that this would choose is shown. */
  readonly memoryLimit?: number | undefined;
  readonly out?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Buffers with a line of their own; `--json` has all of them. */
const LARGEST = 25;

/** Draws the memory plan of a training step, then prints it. @throws ShapeError when the network cannot be trained so. */
export async function summarizeMemory(request: MemoryRequest): Promise<void> {
  const { name, model, size, batch, precision, threads, memoryLimit } = request;
  const memory = memoryLimit === undefined ? undefined : budgetOf(request, memoryLimit);
  const ladder = trainingLadder(model, [size, size], { batch }, { precision, memory });
  const shown = shownOf(ladder, memoryLimit);
  const { plan } = ladder.rungs[shown]!;
  const report = memoryReport(plan, threads);
  const rungs = rungReports(ladder.rungs, threads);
  const title = `${name}, ${size}×${size}, batch ${batch}${precision === 'f32' ? '' : `, ${precision}`}: the memory of a training step`;
  const { memorySvg } = await import('../plot/memory.ts'); // Drawing is half a second of modules.
  const svg = request.out ?? join('runs', `memory-${name}.svg`);
  const picture = memoryPicture(title, plan.records, report, rungs, shown);
  const files = await writePicture(svg, memorySvg(picture));
  const chosen = ladder.chosen && shown;
  process.stdout.write(
    request.json
      ? `${JSON.stringify({ ...jsonOf(request, report, rungs, chosen), files })}\n`
      : `${title}\n${textOf(request, report, rungs, chosen)}\n\n${files.join(', ')}\n`,
  );
}

/** What the plan may take when `bench` trains the network natively under a limit. */
function budgetOf({ model, size, batch, threads }: MemoryRequest, limit: number): MemoryBudget {
  const { network } = compile(model, [size, size], { evaluate: { batch, mode: 'evaluate' } });
  const loaderBytes = batch * size * size * model.channels;
  const needs = { engine: 'native', threads, stateBytes: stateBytes(network), loaderBytes };
  return { bytes: planBudget(limit, needs), threads };
}

/** The rung that the limit chooses; without one the first, and where none fits the smallest. */
function shownOf({ rungs, chosen }: TrainingLadder, limit: number | undefined): number {
  if (chosen) return rungs.indexOf(chosen);
  return limit === undefined ? 0 : rungs.length - 1;
}

function jsonOf(
  { name, size, batch, precision, memoryLimit }: MemoryRequest,
  { buffers, ...report }: MemoryReport,
  rungs: readonly RungReport[],
  chosen: number | undefined,
) {
  return {
    model: name,
    size,
    batch,
    precision,
    ...report,
    buffers: buffers.map(({ id: _, interval, ...buffer }) => ({ ...buffer, ...interval })),
    ladder: rungs,
    ...(memoryLimit !== undefined && { memoryLimit, chosen: chosen ?? null }),
  };
}

function textOf(
  { memoryLimit }: MemoryRequest,
  report: MemoryReport,
  rungs: readonly RungReport[],
  chosen: number | undefined,
): string {
  const { peak, records, backwardFrom, updateFrom } = report;
  return [
    `${records} records: forward from 0, backward from ${backwardFrom}, update from ${updateFrom}; the arena is fullest in record ${peak.record}, ${peak.layer}`,
    '',
    formatTable(bufferRows(report)),
    '',
    formatTable(roleRows(report)),
    '',
    formatTable(ladderRows(rungs, chosen)),
    ...(memoryLimit === undefined || chosen !== undefined
      ? []
      : [`none takes at most ${formatBytes(memoryLimit)}`]),
  ].join('\n');
}

/** The largest each, the others by role. */
function bufferRows(report: MemoryReport): string[][] {
  const sorted = [...report.buffers].sort((a, b) => b.bytes - a.bytes);
  const [largest, others] = [sorted.slice(0, LARGEST), sorted.slice(LARGEST)];
  const at = (record: number, layer: string) => `${phaseOf(report, record)}, ${partOf(layer)}`;
  const row = ({ reason, bytes, slab, interval, bornAt, diesAt }: BufferReport) => {
    const { first, last } = interval;
    const lifetime =
      slab === 'persistent'
        ? ['', '', 'always', 'always']
        : [`${first}`, `${last}`, at(first, bornAt), at(last, diesAt)];
    return [reason, formatBytes(bytes), ...lifetime];
  };
  const rest = new Map<string, { count: number; bytes: number }>();
  for (const { role, bytes } of others) {
    const known = rest.get(ROLE_TEXTS[role]) ?? { count: 0, bytes: 0 };
    rest.set(ROLE_TEXTS[role], { count: known.count + 1, bytes: known.bytes + bytes });
  }
  return [
    [`the ${largest.length} largest buffers`, 'bytes', 'from', 'to', 'first at work', 'last at work'],
    ...largest.map(row),
    ...[...rest].map(([role, { count, bytes }]) => [
      `${count} smaller: ${role}`,
      formatBytes(bytes),
      '',
      '',
      '',
      '',
    ]),
  ];
}

function roleRows(report: MemoryReport): string[][] {
  const { roles, unusedBytes, scratchBytes, threads } = report;
  return [
    ['reason', 'buffers', 'bytes of all', 'at the peak'],
    ...roles.map(({ role, buffers, bytes, bytesAtPeak }) => [
      ROLE_TEXTS[role],
      `${buffers}`,
      formatBytes(bytes),
      formatBytes(bytesAtPeak),
    ]),
    ['gaps, and what rounds to cache lines', '', '', formatBytes(unusedBytes)],
    [
      `scratch of ${threads} ${threads > 1 ? 'threads' : 'thread'}`,
      `${threads}`,
      '',
      formatBytes(threads * scratchBytes),
    ],
    ['planned', '', '', formatBytes(report.plannedPeakBytes)],
  ];
}

function ladderRows(rungs: readonly RungReport[], chosen: number | undefined): string[][] {
  const [first] = rungs as [RungReport];
  return [
    ['computed again in the backward pass', 'planned', 'saved', 'predicted time'],
    ...rungs.map((rung, i) => [
      (i === 0 ? rung.added : `+ ${rung.added}`) + (i === chosen ? '  ← fits the limit' : ''),
      formatBytes(rung.plannedPeakBytes),
      i === 0 ? '' : percent(1 - rung.plannedPeakBytes / first.plannedPeakBytes),
      i === 0 ? '' : `+${percent(rung.predictedSlowdown)}`,
    ]),
  ];
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)}%`;
}
