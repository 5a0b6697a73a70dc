import { type Block, type Layer, partName, partOf } from '../graph/layer.ts';
import type { BufferRole } from '../plan/buffers.ts';
import type { RematerializationReport } from '../plan/memory/rematerialization-report.ts';
import type { BufferReport, MemoryReport } from '../plan/memory/report.ts';
import { ROLE_TEXTS } from '../plan/memory/role-texts.ts';
import type { LayerRecord } from '../plan/record.ts';
import type { MemoryPicture, Span } from '../plot/memory-types.ts';
import { formatBytes } from './format.ts';

/** Colors of buffers by role: the color-blind-safe palette of Okabe and Ito, and three more. */
const COLOURS: Readonly<Partial<Record<BufferRole, string>>> = {
  input: '#009e73',
  featureMap: '#0072b2',
  gradient: '#d55e00',
  poolIndex: '#cc79a7',
  partialSums: '#e69f00',
  packedWeights: '#7a5195',
  statistics: '#666666',
};
const [AGAIN, AGAIN_COLOUR] = ['feature maps, recomputed', '#56b4e9'];
const OTHER_COLOUR = '#bdbdbd';

/** The plot of one candidate's arena, with all candidates. */
export function memoryPicture(
  title: string,
  records: readonly LayerRecord[],
  report: MemoryReport,
  candidates: readonly RematerializationReport[],
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
    phases: spansOf(records, ({ op }) => [op.phase]),
    parts: spansOf(records, ({ op }) => (op.phase === 'update' ? [''] : namesOf(op.layer))),
    peak: {
      record: peak.record,
      text: `peak: ${formatBytes(peak.bytes)}, record ${peak.record}, ${partName(partOf(peak.layer))}`,
    },
    candidates: candidates.map((candidate, i) => ({
      bytes: candidate.plannedPeakBytes,
      slowdown: candidate.predictedSlowdown,
      text: candidate.added,
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

const SHORT_NAMES: Readonly<Record<Block['kind'], string>> = {
  stem: 'stem',
  denseBlock: 'block',
  transition: 'transition',
  residualStage: 'stage',
};

/** Names of a layer's part, longest first: `dense block 1`, `block 1`, `b1`. */
function namesOf(layer: Layer): readonly string[] {
  const name = partName(partOf(layer));
  const { block } = layer;
  if (block?.index === undefined) return [name];
  const short = SHORT_NAMES[block.kind];
  return [name, `${short} ${block.index}`, `${short[0]}${block.index}`];
}

/** Ranges of adjacent records with the same name. @param namesOf names of a record, longest first. */
function spansOf(
  records: readonly LayerRecord[],
  namesOf: (record: LayerRecord) => readonly string[],
): readonly Span[] {
  const spans: { names: readonly string[]; first: number; last: number }[] = [];
  records.forEach((record, at) => {
    const names = namesOf(record);
    const current = spans.at(-1);
    if (current?.names[0] === names[0]) current!.last = at;
    else spans.push({ names, first: at, last: at });
  });
  return spans;
}
