import { formatBytes, markdownTable } from '../../src/cli/format.ts';
import { median } from '../../src/cli/median.ts';
import { isPeer } from '../common/contender.ts';
import { cannotRow, doubtParagraph, type ReportHead, whenAndWhere } from '../common/report.ts';
import { failuresField, type Turns } from '../common/turns.ts';
import { describePeer, npmPeerOf } from '../peers/packages.ts';
import type { InferenceCase } from './case.ts';
import type { InferenceAnswer } from './contender.ts';

/** The measurements of a contender, after warm-up. */
export interface InferenceMeasurement {
  readonly name: string;
  /** Median of the turns' medians. */
  readonly medianMs: number;
  readonly bestMs: number;
  readonly imagesPerSecond: number;
  readonly plannedPeakBytes?: number;
  readonly peakRssBytes: number;
  readonly turnMs: readonly number[];
}

/** The result of one run of bench/inference, stored as FILE.json. */
export interface InferenceReport extends ReportHead {
  readonly rounds: number;
  readonly results: readonly {
    readonly name: string;
    readonly case: InferenceCase;
    readonly contenders: readonly InferenceMeasurement[];
    /** Peers that failed, with their errors. */
    readonly failures?: Readonly<Record<string, string>>;
  }[];
}

/** Tolerance for differences between contenders' logits, relative to the largest logit. */
const LOGITS_AGREE = 1e-4;

/** Summarizes turns. @throws Error if the logits of two contenders differ, because one of them is then wrong. */
export function measureInference(
  name: string,
  of: InferenceCase,
  { answers, failures }: Turns<InferenceAnswer>,
): InferenceReport['results'][number] {
  const [[first, [{ logits: expected }]]] = [...answers] as [[string, [InferenceAnswer]]];
  const scale = Math.max(...expected.map(Math.abs));
  for (const [other, given] of answers) {
    for (const { logits } of given) {
      if (expected.every((x, i) => Math.abs(x - logits[i]!) <= LOGITS_AGREE * scale)) continue;
      throw new Error(`${name}: ${other} answers with other logits than ${first}: ${logits.slice(0, 5)}…`);
    }
  }
  const contenders = [...answers].map(([contender, given]): InferenceMeasurement => {
    const turnMs = given.map(({ ms }) => ms);
    const medianMs = median(turnMs);
    const { peakRssBytes, plannedPeakBytes } = given.at(-1)!;
    return {
      name: contender,
      medianMs,
      bestMs: Math.min(...turnMs),
      imagesPerSecond: (1000 * of.batch) / medianMs,
      ...(plannedPeakBytes !== undefined && { plannedPeakBytes }),
      peakRssBytes,
      turnMs,
    };
  });
  return { name, case: of, contenders, ...failuresField({ failures }) };
}

/** Header and a row per contender and case, with its speed relative to every peer. */
export function inferenceTable({ results }: InferenceReport): string[][] {
  const all = results.flatMap(({ contenders }) => contenders.map(({ name }) => name));
  const peers = [...new Set(all)].filter(isPeer);
  const header = [
    'case',
    'contender',
    'images/s',
    'median ms',
    'best ms',
    ...peers.map((name) => `× ${name}`),
    'planned',
    'peak RSS',
  ];
  const rows = results.flatMap(({ name, contenders, failures = {} }) => {
    const ratio = (peerName: string, own: InferenceMeasurement) => {
      const peer = contenders.find((each) => each.name === peerName);
      if (!peer || peer === own) return '';
      return `${(peer.medianMs / own.medianMs).toFixed(2)} (best ${(peer.bestMs / own.bestMs).toFixed(2)})`;
    };
    const measured = contenders.map((own) => [
      name,
      own.name,
      own.imagesPerSecond.toFixed(1),
      own.medianMs.toFixed(2),
      own.bestMs.toFixed(2),
      ...peers.map((peer) => ratio(peer, own)),
      own.plannedPeakBytes === undefined ? '' : formatBytes(own.plannedPeakBytes),
      formatBytes(own.peakRssBytes),
    ]);
    const cannot = Object.entries(failures).map(([peer, text]) =>
      cannotRow([name, peer], text, header.length),
    );
    return [...measured, ...cannot];
  });
  return [header, ...rows];
}

/** The configuration of each peer. */
const NOTES: Readonly<Record<string, string>> = {
  onnxruntime: 'on the file that Densor exports (all graph optimizations, fixed batch size)',
  tfjs: 'with its own ops, called one by one (its WASM backend has one thread in Node)',
  'jax-js': 'compiled by its `jit` for its WASM backend (one thread in Node)',
};

/** A report as Markdown, with warnings first. */
export function inferenceMarkdown(report: InferenceReport): string {
  const { command, machine, rounds, results } = report;
  const cases = results.map(
    ({ name, case: of }) => `\`${name}\`: ${of.model}, ${of.size}×${of.size}, batch ${of.batch}`,
  );
  const names = results.flatMap(({ contenders, failures = {} }) => [
    ...contenders.map(({ name }) => name),
    ...Object.keys(failures),
  ]);
  const peers = [...new Set(names.flatMap((name) => npmPeerOf(name) ?? []))];
  const described = peers.map((peer) => `${describePeer(peer)} ${NOTES[peer]}`);
  const { threads, turnMs } = results[0]!.case;
  return [
    doubtParagraph(machine),
    `# Inference, float32${peers.length > 0 ? `, compared with ${peers.join(', ')}` : ''}\n\n`,
    `${[whenAndWhere(report), ...described].join('; ')}.\n\n`,
    `${cases.join('; ')}. ${threads} threads each, from images to logits in JavaScript. The contenders alternate `,
    `for ${rounds} rounds. In each round a contender runs twice for ${turnMs} ms, and the median of the second time counts. All `,
    'logits agree.\n\n',
    `Command: \`${command}\`\n\n`,
    `${markdownTable(inferenceTable(report), 2)}\n`,
  ].join('');
}
