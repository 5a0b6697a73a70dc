import { formatBytes } from '../src/cli/format.ts';
import type { InferenceCase } from './inference-case.ts';
import type { InferenceAnswer } from './inference-contender.ts';
import { doubt, type Machine, spinText } from './machine.ts';
import { ONNXRUNTIME_VERSION } from './onnxruntime.ts';

/** A contender's turns, after warm-up. */
export interface InferenceMeasurement {
  readonly name: string;
  /** Of the turns' medians. */
  readonly medianMs: number;
  readonly bestMs: number;
  readonly imagesPerSecond: number;
  readonly plannedPeakBytes?: number;
  readonly peakRssBytes: number;
  readonly turnMs: readonly number[];
}

/** One run of bench/inference.ts: what FILE.json holds. */
export interface InferenceReport {
  /** ISO 8601. */
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly results: readonly {
    readonly name: string;
    readonly case: InferenceCase;
    readonly contenders: readonly InferenceMeasurement[];
  }[];
}

/** Of the greatest logit: all contenders answer with the same numbers, but for rounding. */
const LOGITS_AGREE = 1e-4;

/** @throws Error when two contenders do not answer alike: then one of them did not do the work. */
export function measureInference(
  name: string,
  of: InferenceCase,
  answers: ReadonlyMap<string, readonly InferenceAnswer[]>,
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
    const medianMs = [...turnMs].sort((a, b) => a - b)[turnMs.length >> 1]!;
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
  return { name, case: of, contenders };
}

/** Header and a row for each contender of each case, with its speed relative to onnxruntime's. */
export function inferenceTable({ results }: InferenceReport): string[][] {
  const header = [
    'case',
    'contender',
    'images/s',
    'median ms',
    'best ms',
    '× onnxruntime',
    'planned',
    'peak RSS',
  ];
  const rows = results.flatMap(({ name, contenders }) => {
    const peer = contenders.find((each) => each.name === 'onnxruntime');
    return contenders.map((own) => [
      name,
      own.name,
      own.imagesPerSecond.toFixed(1),
      own.medianMs.toFixed(2),
      own.bestMs.toFixed(2),
      peer && peer !== own
        ? `${(peer.medianMs / own.medianMs).toFixed(2)} (best ${(peer.bestMs / own.bestMs).toFixed(2)})`
        : '',
      own.plannedPeakBytes === undefined ? '' : formatBytes(own.plannedPeakBytes),
      formatBytes(own.peakRssBytes),
    ]);
  });
  return [header, ...rows];
}

/** A report as Markdown; what is doubtful comes first. */
export function inferenceMarkdown(report: InferenceReport): string {
  const { date, command, machine, rounds, results } = report;
  const { model, processors, memoryBytes, isas, node } = machine;
  const [header, ...rows] = inferenceTable(report);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const warning = doubt(machine);
  const cases = results.map(
    ({ name, case: of }) => `\`${name}\`: ${of.model}, ${of.size}×${of.size}, batch ${of.batch}`,
  );
  const { threads, turnMs } = results[0]!.case;
  return [
    ...(warning ? [`**${warning}**`, ''] : []),
    '# Inference, float32, beside onnxruntime-node',
    '',
    `${date.slice(0, 16).replace('T', ' ')} UTC; ${model}; ${processors} processors (before the run ${spinText(machine)}), ` +
      `${formatBytes(memoryBytes)}; native instruction sets: ${isas.join(', ') || 'none'}; Node ${node}; ` +
      `onnxruntime-node ${ONNXRUNTIME_VERSION} on the file that Densor exports (all graph optimisations, batch size fixed).`,
    '',
    `${cases.join('; ')}. ${threads} threads each, from images to logits in JavaScript; ${rounds} rounds in turns of ` +
      `twice ${turnMs} ms, of which the second counts by the median of its runs. All answer with the same logits.`,
    '',
    `Command: \`${command}\``,
    '',
    line(header!),
    line(header!.map((_, i) => (i < 2 ? '---' : '---:'))),
    ...rows.map(line),
    '',
  ].join('\n');
}
