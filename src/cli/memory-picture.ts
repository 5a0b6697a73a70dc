import type { LayerRecord } from '../plan/lowering.ts';
import { ROLE_TEXTS } from '../plan/memory/describe.ts';
import { partOf } from '../plan/memory/part.ts';
import { type BufferReport, type MemoryReport, phaseOf } from '../plan/memory/report.ts';
import type { RungReport } from '../plan/memory/rung-report.ts';
import type { BufferRole } from '../plan/purpose.ts';
import type { MemoryPicture, Span } from '../plot/memory.ts';
import { formatBytes } from './format.ts';

/** Okabe and Ito's colours, which everyone can tell apart, and three more, for what lies in the arena. */
const COLOURS: Readonly<Partial<Record<BufferRole, string>>> = {
  input: '#009e73',
  featureMap: '#0072b2',
  gradient: '#d55e00',
  poolIndex: '#cc79a7',
  partialSums: '#e69f00',
  packedWeights: '#7a5195',
  statistics: '#666666',
};
const [AGAIN, AGAIN_COLOUR] = ['feature maps, computed again', '#56b4e9'];
const OTHER_COLOUR = '#bdbdbd';

/** The arena of one rung, and the ladder that it is of. */
export function memoryPicture(
  title: string,
  records: readonly LayerRecord[],
  report: MemoryReport,
  rungs: readonly RungReport[],
  shown: number,
): MemoryPicture {
  const inArena = report.buffers.filter(({ slab }) => slab === 'transient');
  const { peak, persistentBytes, transientBytes, scratchBytes, threads } = report;
  const present = new Map(inArena.map((buffer) => [groupOf(buffer), colourOf(buffer)]));
  const groups = [...present].map(([name, colour]) => ({ name, colour }));
  return {
    title,
    subtitle:
      `planned: ${formatBytes(report.plannedPeakBytes)} = arena ${formatBytes(transientBytes)}` +
      ` + state ${formatBytes(persistentBytes)} + scratch ${threads} × ${formatBytes(scratchBytes)}`,
    arenaBytes: transientBytes,
    records: records.length,
    blocks: inArena.map((buffer) => ({
      first: buffer.interval.first,
      last: buffer.interval.last,
      offset: buffer.offset,
      bytes: buffer.bytes,
      reason: buffer.reason,
      group: groupOf(buffer),
    })),
    phases: spansOf(records, (_, at) => phaseOf(report, at)),
    parts: spansOf(records, ({ op }, at) => (phaseOf(report, at) === 'update' ? '' : partOf(op.layer))),
    peak: {
      record: peak.record,
      text: `fullest: ${formatBytes(peak.bytes)}, record ${peak.record}, ${partOf(peak.layer)}`,
    },
    ladder: rungs.map((rung, i) => ({
      bytes: rung.plannedPeakBytes,
      slowdown: rung.predictedSlowdown,
      text: rung.added,
      isShown: i === shown,
    })),
    groups: [...groups].sort((a, b) => legendOrder(a.name) - legendOrder(b.name)),
    formatBytes,
  };
}

function groupOf({ role, isComputedAgain }: BufferReport): string {
  return isComputedAgain ? AGAIN : ROLE_TEXTS[role];
}

function colourOf({ role, isComputedAgain }: BufferReport): string {
  return isComputedAgain ? AGAIN_COLOUR : (COLOURS[role] ?? OTHER_COLOUR);
}

const LEGEND = [ROLE_TEXTS.featureMap, AGAIN, ROLE_TEXTS.gradient, ROLE_TEXTS.input, ROLE_TEXTS.poolIndex];

function legendOrder(name: string): number {
  const at = LEGEND.indexOf(name);
  return at < 0 ? LEGEND.length : at;
}

/** Neighbouring records that have the same name. */
function spansOf(
  records: readonly LayerRecord[],
  nameOf: (record: LayerRecord, at: number) => string,
): readonly Span[] {
  const spans: { name: string; first: number; last: number }[] = [];
  records.forEach((record, at) => {
    const name = nameOf(record, at);
    const current = spans.at(-1);
    if (current?.name === name) current.last = at;
    else spans.push({ name, first: at, last: at });
  });
  return spans;
}
