import { nameAndNumber, type Part, partName, partOf } from '../../graph/layer.ts';
import type { Purpose } from '../buffers.ts';
import { type Group, modulesOf } from './rematerialization.ts';
import { REASON_TEXTS, RECOMPUTED } from './role-texts.ts';

/** Purpose of a buffer in words: `feature maps of dense block 1`, `parameter 12.weight`. */
export function describePurpose({ role, layer }: Purpose, isRecomputed = false): string {
  return `${REASON_TEXTS[role]} ${partName(partOf(layer))}${isRecomputed ? RECOMPUTED : ''}`;
}

const NOUNS: Readonly<Record<Group['kind'], string>> = {
  conv2d: 'convolution',
  conv2dMaxPool: 'convolution with max pool',
  avgPool: 'pooling',
  batchNorm: 'batch norm',
  relu: 'ReLU',
};

/**
 * The recomputed ops in words: `16 convolutions of dense block 1 and 5 of dense block 2, the pooling of transition 1,
 * the stem`; `nothing` if all results are kept.
 */
export function describeGroups(groups: readonly Group[]): string {
  if (groups.length === 0) return 'nothing';
  const kinds = new Map<Group['kind'], Group[]>();
  for (const group of groups) kinds.set(group.kind, [...(kinds.get(group.kind) ?? []), group]);
  return [...kinds].map(([kind, ofKind]) => describeKind(kind, ofKind)).join(', ');
}

function describeKind(kind: Group['kind'], groups: readonly Group[]): string {
  if (kind === 'conv2dMaxPool') return 'the stem'; // Only the stem has a convolution fused with its max pool.
  const sorted = [...groups].sort((a, b) =>
    partName(a.part).localeCompare(partName(b.part), 'en', { numeric: true }),
  );
  const noun = NOUNS[kind];
  if (sorted.every(({ layers }) => layers.length === 1)) {
    return `the ${noun}${sorted.length > 1 ? 's' : ''} of ${listed(joinNumbered(sorted.map(({ part }) => part)))}`;
  }
  const [first, ...others] = sorted.map(({ part, layers }) => ({
    part: partName(part),
    count: layers.length,
  }));
  const head = `${first!.count} ${noun}${first!.count > 1 ? 's' : ''} of ${first!.part}`;
  return listed([head, ...others.map(({ part, count }) => `${count} of ${part}`)]);
}

/** `transition 1`, `transition 2` → `transitions 1 and 2`. */
function joinNumbered(parts: readonly Part[]): readonly string[] {
  const names = new Map<string, string[]>();
  for (const part of parts) {
    const [name, number] = nameAndNumber(part);
    names.set(name, [...(names.get(name) ?? []), ...(number === undefined ? [] : [`${number}`])]);
  }
  return [...names].map(([name, numbers]) =>
    numbers.length > 1 ? `${name}s ${listed(numbers)}` : [name, ...numbers].join(' '),
  );
}

/** `a`, `a and b`, `a, b and c`. */
function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

/** The groups that one candidate recomputes and another does not. */
export function groupsBeyond(groups: readonly Group[], other: readonly Group[]): readonly Group[] {
  return groups.flatMap((group) => {
    const known = modulesOf(other.filter(({ kind }) => kind === group.kind));
    const layers = group.layers.filter(({ module }) => module === undefined || !known.has(module));
    return layers.length > 0 ? [{ ...group, layers }] : [];
  });
}
