import { formatBytes, markdownTable } from '../../src/cli/format.ts';
import { median } from '../../src/cli/median.ts';
import { isPeer } from '../common/contender.ts';
import { CASES, describeCase, type StepCase } from '../common/network.ts';
import { cannotRow, doubtParagraph, type ReportHead, whenAndWhere } from '../common/report.ts';
import type { Answer } from './start.ts';

/** The measurements of a contender, after warm-up. */
export interface Measurement {
  readonly name: string;
  readonly version?: string;
  readonly medianMs: number;
  readonly bestMs: number;
  readonly worstMs: number;
  /** From the median step time. */
  readonly examplesPerSecond: number;
  readonly plannedPeakBytes?: number;
  readonly peakRssBytes: number;
  /** Loss of the last step; all contenders have run the same number of steps from the same state. */
  readonly loss: number;
  readonly stepMs: readonly number[];
}

/** The result of one run of bench/step, stored as FILE.json. */
export interface StepReport extends ReportHead {
  readonly step: StepCase;
  readonly warmUp: number;
  readonly rounds: number;
  readonly results: readonly Measurement[];
  /** Peers that failed, with their errors. */
  readonly failures?: Readonly<Record<string, string>>;
}

/** Summarizes steps. @throws Error if a loss is not finite. */
export function measure(name: string, answers: readonly Answer[], batch: number): Measurement {
  const stepMs = answers.map(({ ms }) => ms);
  const { peakRssBytes, plannedPeakBytes, version, loss } = answers.at(-1)!;
  if (!answers.every((answer) => Number.isFinite(answer.loss))) {
    throw new Error(`${name}: a loss is not finite: ${answers.map((answer) => answer.loss).join(', ')}`);
  }
  const medianMs = median(stepMs);
  return {
    name,
    ...(version !== undefined && { version }),
    medianMs,
    bestMs: Math.min(...stepMs),
    worstMs: Math.max(...stepMs),
    examplesPerSecond: (1000 * batch) / medianMs,
    ...(plannedPeakBytes !== undefined && { plannedPeakBytes }),
    peakRssBytes,
    loss,
    stepMs,
  };
}

/** The name of a case, ignoring threads; `custom` if it has none. */
export function caseName(step: StepCase): string {
  const text = describeCase(step);
  return Object.keys(CASES).find((name) => describeCase(CASES[name]!) === text) ?? 'custom';
}

/** Header and a row per contender, with its speed relative to every peer. */
export function tableOf({ results, failures = {}, warmUp, rounds }: StepReport): string[][] {
  const peers = results.filter(({ name }) => isPeer(name));
  const header = [
    'contender',
    'examples/s',
    'median ms',
    'best ms',
    ...peers.map(({ name }) => `× ${name}`),
    'planned',
    'peak RSS',
    `loss after ${warmUp + 2 * rounds} steps`,
  ];
  const ratio = (peer: Measurement, own: Measurement) =>
    `${(peer.medianMs / own.medianMs).toFixed(2)} (best ${(peer.bestMs / own.bestMs).toFixed(2)})`;
  const rows = results.map((own) => [
    own.version ? `${own.name} (${own.version})` : own.name,
    own.examplesPerSecond.toFixed(1),
    own.medianMs.toFixed(0),
    own.bestMs.toFixed(0),
    ...peers.map((peer) => (peer === own ? '' : ratio(peer, own))),
    own.plannedPeakBytes === undefined ? '' : formatBytes(own.plannedPeakBytes),
    formatBytes(own.peakRssBytes),
    own.loss.toFixed(5),
  ]);
  const cannot = Object.entries(failures).map(([name, text]) => cannotRow([name], text, header.length));
  return [header, ...rows, ...cannot];
}

/**
 * A report as Markdown, with warnings first. @param level heading level; in a section warnings follow the heading.
 */
export function markdownOf(report: StepReport, level = 1): string {
  const { command, step, machine, warmUp, rounds } = report;
  const heading = `${'#'.repeat(level)} Training step \`${caseName(step)}\`: ${describeCase(step)}\n\n`;
  const warning = doubtParagraph(machine);
  return [
    level === 1 ? warning + heading : heading + warning,
    `${whenAndWhere(report)}.\n`,
    `${step.threads} threads each. After ${warmUp} warm-up steps the contenders alternate for ${rounds} rounds of two steps each, and the `,
    'second step counts. Examples/s and ratios are those of the median step, in parentheses those of the best. All start with ',
    'the same weights and images.\n\n',
    `Command: \`${command}\`\n\n`,
    `${markdownTable(tableOf(report))}\n`,
  ].join('');
}
