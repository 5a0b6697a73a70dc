import { join } from 'node:path';
import { type Engine, EngineError, type MachinePeak } from '../engine/engine.ts';
import { type Profile, profileOf, type Rates } from '../engine/profile.ts';
import { counted } from '../tensor/counted.ts';
import type { Precision } from '../tensor/precision.ts';
import { announce, describeEngine, type EngineName, openEngine } from './engines.ts';
import { formatBytes, formatTable } from './format.ts';
import { type MeasuredStepOptions, withDefaultSize } from './options.ts';
import { type SyntheticStep, syntheticStep } from './synthetic-step.ts';
import { print, printJson } from './terminal.ts';
import { writePicture } from './write-picture.ts';

interface ProfileOptions extends MeasuredStepOptions {
  readonly precision: Precision;
  readonly out?: string;
}

/** Number of records in the table; `--json` has all. */
const COSTLIEST = 20;

export async function runProfile(asked: ProfileOptions): Promise<void> {
  const given = withDefaultSize(asked);
  const engine = await openEngine(given.engine, given.threads);
  try {
    const step = syntheticStep(given, { target: engine.target });
    const { peak, durations, stepMs } = await measure(engine, given.engine, step, given.steps);
    const { plan } = step.compiled.network.programs.get(step.program)!;
    const profile = profileOf(plan, durations, peak);
    const picture = await drawRoofline(profile, peak, titleOf(given, engine, profile));
    const [svg, png] = await writePicture(given.out ?? join('runs', `profile-${given.model}.svg`), picture);
    const report = { engine, peak, profile, stepMs, svg, png };
    if (given.json) printJson(jsonOf(given, report));
    else print(linesOf(given, report));
  } finally {
    await engine.close();
  }
}

/** Measures the peak rates, the time of each step in ms, and that of each record in the fastest step. */
async function measure(engine: Engine, engineName: EngineName, step: SyntheticStep, steps: number) {
  const peak = await engine.measurePeak?.();
  const session = peak && (await step.open(engine));
  if (!peak || !session?.profile) {
    throw new EngineError(
      `the ${engine.name} engine cannot measure the time of single ops: use --engine native, wasm or webgpu`,
    );
  }
  announce(engineName, engine);
  await step.run(session); // Warm-up.
  let durations: ArrayLike<number> = [];
  const stepMs: number[] = [];
  for (let i = 0; i < steps; i++) {
    const started = performance.now();
    const measured = await session.profile(step.program, step.inputs, step.scalars);
    const ms = performance.now() - started;
    if (stepMs.every((before) => ms < before)) durations = measured.durations;
    stepMs.push(ms);
  }
  return { peak, durations, stepMs };
}

interface Report {
  readonly engine: Engine;
  readonly peak: MachinePeak;
  readonly profile: Profile;
  readonly stepMs: readonly number[];
  readonly svg: string;
  readonly png: string;
}

function jsonOf({ model, size, batch, precision }: ProfileOptions, report: Report) {
  const { engine, peak, profile, stepMs, svg, png } = report;
  return {
    model,
    size,
    batch,
    precision,
    engine: engine.name,
    isa: engine.isa,
    threads: engine.threads,
    peak,
    stepMs,
    total: { ...profile.total, ofPeak: profile.total.flopsPerSecond / peak.flopsPerSecond },
    kinds: profile.kinds,
    records: profile.records.map((record) => ({ ...record, layer: record.layer.label })),
    files: [svg, png],
  };
}

const HEADINGS = ['ms', 'share', 'GFLOP/s', 'moved', 'FLOP/byte', 'at most', 'limit', 'reached'];

function linesOf(
  given: ProfileOptions,
  { engine, peak, profile, stepMs, svg, png }: Report,
): readonly string[] {
  const { total } = profile;
  const kinds = profile.kinds.map((row) => [row.kind, `${row.records}`, ...cells(row)]);
  const costliest = [...profile.records].sort((a, b) => b.ms - a.ms).slice(0, COSTLIEST);
  const records = costliest.map((row) => [row.layer.label, row.kind, ...cells(row)]);
  const ofPeak = percent(total.flopsPerSecond / peak.flopsPerSecond);
  return [
    `${titleOf(given, engine, profile)}`,
    `peaks: ${giga(peak.flopsPerSecond)} GFLOP/s, ${giga(peak.bytesPerSecond)} GB/s; reached: minimum possible time / measured time`,
    '',
    ...formatTable([['kind', 'records', ...HEADINGS], ...kinds]),
    '',
    ...formatTable([[`the ${costliest.length} costliest records`, 'kind', ...HEADINGS], ...records]),
    '',
    `the fastest of ${counted(stepMs.length, given.inference ? 'run' : 'step')}: ${milliseconds(Math.min(...stepMs))} ms, ${milliseconds(total.ms)} of them in records; ` +
      `${giga(total.flopsPerSecond)} GFLOP/s, ${ofPeak} of the multiply-add peak, ${percent(total.reached)} of the roofline`,
    `${svg}, ${png}`,
  ];
}

function cells(row: Rates): string[] {
  return [
    row.ms.toFixed(2),
    percent(row.share),
    giga(row.flopsPerSecond),
    formatBytes(row.bytes),
    row.intensity.toFixed(1),
    giga(row.limitFlopsPerSecond),
    row.limitedBy,
    percent(row.reached),
  ];
}

async function drawRoofline(profile: Profile, peak: MachinePeak, title: string): Promise<string> {
  const { rooflineSvg } = await import('../plot/roofline.ts'); // Lazy: loading takes 0.5 s.
  const { newDocument } = await import('../node/document.ts');
  const dots = profile.records.map(({ layer, kind, intensity, flopsPerSecond, share }) => ({
    // In a block, the module name with the kind is sufficient.
    name: `${(layer.block && layer.module) ?? layer.label} ${kind}`,
    kind,
    intensity,
    gflopsPerSecond: flopsPerSecond / 1e9,
    share,
  }));
  const roof = {
    gflopsPerSecond: peak.flopsPerSecond / 1e9,
    gigabytesPerSecond: peak.bytesPerSecond / 1e9,
  };
  return rooflineSvg(newDocument(), dots, roof, title);
}

function titleOf(
  { model, size, batch, precision, inference }: ProfileOptions,
  engine: Engine,
  { total }: Profile,
): string {
  const what = inference ? 'inference' : 'a training step';
  const stored = precision === 'f32' ? '' : `, ${precision}`;
  const step = `${model}, ${size}×${size}, batch ${batch}${stored}: ${what} of ${milliseconds(total.ms)} ms`;
  return `${step}, ${giga(total.flopsPerSecond)} GFLOP/s (${describeEngine(engine)})`;
}

/** A time in ms; short ones with decimals. */
function milliseconds(ms: number): string {
  return ms.toFixed(ms < 100 ? 2 : 0);
}

function giga(amount: number): string {
  return (amount / 1e9).toFixed(1);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}
