import { join } from 'node:path';
import {
  compile,
  type MemoryBudget,
  type RematerializationSearch,
  searchRematerialization,
} from '../compile.ts';
import { type Layer, partName, partOf } from '../graph/layer.ts';
import type { Model } from '../model/module.ts';
import {
  type RematerializationReport,
  rematerializationReports,
} from '../plan/memory/rematerialization-report.ts';
import { type BufferReport, type MemoryReport, memoryReport, phaseOf } from '../plan/memory/report.ts';
import { ROLE_TEXTS } from '../plan/memory/role-texts.ts';
import type { Target } from '../plan/target.ts';
import { networkNeeds, planBudget } from '../run/process-memory.ts';
import { counted } from '../tensor/counted.ts';
import { programsFor, stepParts } from '../train/programs.ts';
import { type AllowedForms, type StepForm, stepForms } from '../train/step-form.ts';
import { type EngineName, engineOf } from './engines.ts';
import { formatBytes, formatTable } from './format.ts';
import { describeForm, priceOf } from './memory-choices.ts';
import { memoryPicture } from './memory-picture.ts';
import { print, printJson } from './terminal.ts';
import { writePicture } from './write-picture.ts';

/** The options of `summary --memory`. */
export interface MemoryRequest extends AllowedForms {
  readonly name: string;
  readonly model: Model;
  readonly size: number;
  readonly engine: EngineName;
  /** Compilation target of the engine. */
  readonly target: Target;
  readonly threads: number;
  /** Memory limit of a `bench` process in bytes; the form and the candidate that it would choose are shown. */
  readonly memoryLimit?: number | undefined;
  readonly out?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Number of buffers with a separate row; `--json` has all. */
const LARGEST = 25;

/**
 * Plots and prints the memory plan of a training step. @throws ShapeError if the network cannot be trained at this
 * size.
 */
export async function summarizeMemory(request: MemoryRequest): Promise<void> {
  const { name, size, batch, threads, memoryLimit } = request;
  const { form, search } = shownSearch(request);
  const shown = shownOf(search, memoryLimit);
  const { plan } = search.candidates[shown]!;
  const report = memoryReport(plan, threads);
  const candidates = rematerializationReports(search.candidates, threads);
  const special = describeForm({ precision: 'f32' }, form);
  const title = `${name}, ${size}×${size}, batch ${batch}${special && `, ${special}`}: memory of a training step`;
  const { memorySvg } = await import('../plot/memory.ts'); // Lazy: loading takes 0.5 s.
  const { newDocument } = await import('../node/document.ts');
  const svg = request.out ?? join('runs', `memory-${name}.svg`);
  const picture = memoryPicture(title, plan.records, report, candidates, shown);
  const files = await writePicture(svg, memorySvg(newDocument(), picture));
  const chosen = search.chosen && shown;
  const others = otherForms(request);
  if (request.json) printJson({ ...jsonOf(request, form, report, candidates, chosen), others, files });
  else print([title, ...linesOf(request, report, candidates, chosen, others), '', files.join(', ')]);
}

interface ShownSearch {
  readonly form: StepForm;
  readonly search: RematerializationSearch;
}

/** The search for the first allowed form with a candidate within the limit; otherwise that of the last form. */
function shownSearch(request: MemoryRequest): ShownSearch {
  const { memoryLimit } = request;
  const { preferred, fallbacks } = stepForms(request);
  const memory = memoryLimit === undefined ? undefined : budgetOf(request, memoryLimit);
  const first = { form: preferred, search: searchOf(request, preferred, memory) };
  if (!memory || first.search.chosen === first.search.candidates[0]) return first;
  let last: ShownSearch = first;
  for (const form of fallbacks) {
    if (form !== preferred) last = { form, search: searchOf(request, form, memory) };
    if (last.search.chosen) break;
  }
  return last;
}

/** The search for the largest part of a step. */
function searchOf(
  { model, size, batch, target }: MemoryRequest,
  { precision, microBatch }: StepForm,
  memory?: MemoryBudget,
): RematerializationSearch {
  const parts = stepParts(batch, microBatch).map(({ request }) => request);
  const largest = parts.reduce((most, part) => (part.batch > most.batch ? part : most));
  return searchRematerialization(model, [size, size], largest, { precision, target, memory });
}

/** The other forms that `auto` allows, without rematerialization. */
function otherForms(request: MemoryRequest): readonly OtherForm[] {
  const { model, size, batch, threads, target } = request;
  const { preferred, fallbacks } = stepForms(request);
  const others = fallbacks.filter((form) => form !== preferred);
  if (others.length === 0) return [];
  const price = (form: StepForm) => {
    const programs = programsFor('train', { count: batch, batch, microBatch: form.microBatch });
    const compiled = compile(model, [size, size], programs, {
      precision: form.precision,
      target,
    });
    return priceOf({ prepared: { compiled }, form }, batch, threads);
  };
  const plain = price(preferred);
  return others.map((form) => {
    const { bytes, seconds } = price(form);
    return { ...form, plannedPeakBytes: bytes, predictedSlowdown: seconds! / plain.seconds! - 1 };
  });
}

interface OtherForm extends StepForm {
  readonly plannedPeakBytes: number;
  /** Predicted slowdown relative to the preferred form: 0.05 is 5% slower. */
  readonly predictedSlowdown: number;
}

/** The bytes available for the plan if `bench` runs with the limit on this engine. */
function budgetOf(
  { model, size, batch, engine, target, threads }: MemoryRequest,
  limit: number,
): MemoryBudget {
  const { network } = compile(model, [size, size], { evaluate: { batch, mode: 'evaluate' } }, { target });
  const loaderBytes = batch * size * size * model.channels;
  const needs = { engine: engineOf(engine), threads, ...networkNeeds(network), loaderBytes };
  return { bytes: planBudget(limit, needs), threads };
}

/** The index of the candidate chosen for the limit: without a limit the first, if none fits the smallest. */
function shownOf({ candidates, chosen }: RematerializationSearch, limit: number | undefined): number {
  if (chosen) return candidates.indexOf(chosen);
  return limit === undefined ? 0 : candidates.length - 1;
}

function jsonOf(
  { name, size, batch, memoryLimit }: MemoryRequest,
  form: StepForm,
  { buffers, ...report }: MemoryReport,
  candidates: readonly RematerializationReport[],
  chosen: number | undefined,
) {
  return {
    model: name,
    size,
    batch,
    ...form,
    ...report,
    peak: { ...report.peak, layer: report.peak.layer.label },
    buffers: buffers.map(({ id: _, content: __, interval, ...buffer }) => ({
      ...buffer,
      layer: buffer.layer.label,
      bornAt: buffer.bornAt.label,
      diesAt: buffer.diesAt.label,
      ...interval,
    })),
    search: candidates.map(({ groups, ...candidate }) => ({
      ...candidate,
      groups: groups.map(({ part, kind, layers }) => ({
        part: partName(part),
        kind,
        layers: layers.map(({ label }) => label),
      })),
    })),
    ...(memoryLimit !== undefined && { memoryLimit, chosen: chosen ?? null }),
  };
}

function linesOf(
  { memoryLimit }: MemoryRequest,
  report: MemoryReport,
  candidates: readonly RematerializationReport[],
  chosen: number | undefined,
  others: readonly OtherForm[],
): readonly string[] {
  const { peak, records, backwardFrom, updateFrom } = report;
  return [
    `${records} records: forward from 0, backward from ${backwardFrom}, update from ${updateFrom}; memory use peaks in record ${peak.record}, ${peak.layer.label}`,
    '',
    ...formatTable(bufferRows(report)),
    '',
    ...formatTable(roleRows(report)),
    '',
    ...formatTable(candidateRows(candidates, chosen)),
    ...(others.length > 0 ? ['', ...formatTable(otherRows(others))] : []),
    ...(memoryLimit === undefined || chosen !== undefined
      ? []
      : [`no plan fits ${formatBytes(memoryLimit)}`]),
  ];
}

/** Table rows: the largest buffers, and the sums of the others by role. */
function bufferRows(report: MemoryReport): string[][] {
  const sorted = [...report.buffers].sort((a, b) => b.bytes - a.bytes);
  const [largest, others] = [sorted.slice(0, LARGEST), sorted.slice(LARGEST)];
  const at = (record: number, layer: Layer) => `${phaseOf(report, record)}, ${partName(partOf(layer))}`;
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
    [`the ${largest.length} largest buffers`, 'bytes', 'from', 'to', 'first used', 'last used'],
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
    ['purpose', 'buffers', 'total bytes', 'at the peak'],
    ...roles.map(({ role, buffers, bytes, bytesAtPeak }) => [
      ROLE_TEXTS[role],
      `${buffers}`,
      formatBytes(bytes),
      formatBytes(bytesAtPeak),
    ]),
    ['gaps and padding to cache lines', '', '', formatBytes(unusedBytes)],
    [`scratch of ${counted(threads, 'thread')}`, `${threads}`, '', formatBytes(threads * scratchBytes)],
    ['planned', '', '', formatBytes(report.plannedPeakBytes)],
  ];
}

function candidateRows(
  candidates: readonly RematerializationReport[],
  chosen: number | undefined,
): string[][] {
  const [first] = candidates as [RematerializationReport];
  return [
    ['recomputed in the backward pass', 'planned', 'saved', 'predicted time'],
    ...candidates.map((candidate, i) => [
      (i === 0 ? candidate.added : `+ ${candidate.added}`) + (i === chosen ? '  ← fits the limit' : ''),
      formatBytes(candidate.plannedPeakBytes),
      i === 0 ? '' : percent(1 - candidate.plannedPeakBytes / first.plannedPeakBytes),
      i === 0 ? '' : `+${percent(candidate.predictedSlowdown)}`,
    ]),
  ];
}

function otherRows(others: readonly OtherForm[]): string[][] {
  return [
    ['other choices of auto, nothing recomputed', 'planned', 'predicted time'],
    ...others.map(({ predictedSlowdown: slower, ...form }) => [
      describeForm({ precision: 'f32' }, form),
      formatBytes(form.plannedPeakBytes),
      `${slower < 0 ? '−' : '+'}${percent(Math.abs(slower))}`,
    ]),
  ];
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)}%`;
}
