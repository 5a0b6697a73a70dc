import type { Dataset } from '../data/dataset.ts';
import { fitImage } from '../data/fit-image.ts';
import type { DecodedImage } from '../data/image.ts';
import { imageReader } from '../data/pixels.ts';
import type { Session } from '../engine/engine.ts';
import { partName, partOf } from '../graph/layer.ts';
import type { CompiledNetwork } from '../plan/compiled-network.ts';
import { memoryReport } from '../plan/memory/report.ts';
import { RECOMPUTED, ROLE_TEXTS } from '../plan/memory/role-texts.ts';
import { encodeBase64 } from '../tensor/base64.ts';
import type { EventOf, PicturedMistake } from './events.ts';
import { type Mistake, Scorecard } from './scorecard.ts';

/** Mistakes of an epoch that are kept with their pictures. */
const MISTAKES = 24;
/** Pictures are at most so high and wide. */
const PICTURE_SIDE = 32;
/** With more classes a table of confusions is too large to keep. */
const MOST_CLASSES = 1000;
/** A plan with more buffers loses its smallest: nobody sees them. */
const MOST_BUFFERS = 4000;

/** Collects what an evaluation took for what. Undefined where there are too many classes. */
export function scorecardOf({ classNames }: Dataset): Scorecard | undefined {
  return classNames.length > MOST_CLASSES ? undefined : new Scorecard(classNames, MISTAKES);
}

/** The confusions and the worst mistakes of an evaluation. */
export function scoresEvent(
  epoch: number,
  of: 'test' | 'validation',
  card: Scorecard,
  dataset: Dataset,
): EventOf<'scores'> {
  const { classNames, confusion } = card;
  const triples: number[] = [];
  confusion.forEach((count, at) => {
    if (count > 0) triples.push(Math.floor(at / classNames.length), at % classNames.length, count);
  });
  const picture = pictures(dataset);
  return {
    kind: 'scores',
    epoch,
    of,
    classNames,
    confusion: triples,
    mistakes: card.mistakes.map((mistake) => pictured(mistake, dataset, picture)),
    side: picture?.side ?? 0,
    channels: dataset.channels,
  };
}

function pictured(
  mistake: Mistake,
  { files }: Dataset,
  picture: ReturnType<typeof pictures>,
): PicturedMistake {
  const file = files?.[mistake.index];
  return {
    ...mistake,
    ...(file !== undefined && { file }),
    ...(picture && { pixels: encodeBase64(picture.of(mistake.index)) }),
  };
}

/** Small pictures of a data set; undefined where its images are neither grey nor RGB. */
function pictures(dataset: Dataset) {
  const { height, width, channels } = dataset;
  if (channels !== 1 && channels !== 3) return undefined;
  const read = imageReader(dataset);
  const side = Math.min(PICTURE_SIDE, height, width);
  const of = (index: number) => {
    const image: DecodedImage = { height, width, channels, pixels: read(index) };
    return fitImage(image, side, channels);
  };
  return { side, of };
}

/** How large the numbers of each parameter are. */
export async function tensorsEvent(
  epoch: number,
  session: Pick<Session, 'read'>,
  { state }: CompiledNetwork,
): Promise<EventOf<'tensors'>> {
  const names = [...state].flatMap(([name, { role }]) => (role === 'parameter' ? [name] : []));
  const [rms, largest]: [number[], number[]] = [[], []];
  for (const name of names) {
    const numbers = await session.read(name);
    let [squares, most] = [0, 0];
    for (let i = 0; i < numbers.length; i++) {
      const number = numbers[i]!;
      squares += number * number;
      if (number > most) most = number;
      else if (-number > most) most = -number;
    }
    rms.push(short(Math.sqrt(squares / numbers.length)));
    largest.push(short(most));
  }
  return { kind: 'tensors', epoch, names, rms, largest };
}

const short = (number: number) => Number(number.toPrecision(4));

/** The memory of the training step that takes the most. Undefined for an engine without plans' memory. */
export function planEvent({ programs }: CompiledNetwork, threads: number): EventOf<'plan'> | undefined {
  const plans = [...programs.values()].map(({ plan }) => plan);
  const training = plans.filter(({ records }) => records.some(({ op }) => op.phase === 'backward'));
  const [plan] = training.sort((a, b) => b.transientBytes - a.transientBytes);
  if (!plan) return undefined;
  const report = memoryReport(plan, threads);
  const [parts, roles, reasons] = [texts(), texts(), texts()];
  const buffers = report.buffers
    .filter(({ slab }) => slab === 'transient')
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, MOST_BUFFERS);
  return {
    kind: 'plan',
    plannedPeakBytes: report.plannedPeakBytes,
    arenaBytes: report.transientBytes,
    persistentBytes: report.persistentBytes,
    scratchBytes: report.scratchBytes,
    threads,
    backwardFrom: report.backwardFrom,
    updateFrom: report.updateFrom,
    peakRecord: report.peak.record,
    peakBytes: report.peak.bytes,
    records: plan.records.map(({ op }) => parts.indexOf(partName(partOf(op.layer)))),
    parts: parts.all,
    buffers: buffers.flatMap(({ interval, offset, bytes, role, isComputedAgain, reason }) => [
      ...[interval.first, interval.last, offset, bytes],
      roles.indexOf(isComputedAgain ? `${ROLE_TEXTS[role]}${RECOMPUTED}` : ROLE_TEXTS[role]),
      reasons.indexOf(reason),
    ]),
    roles: roles.all,
    reasons: reasons.all,
  };
}

/** Texts that are named by their number. */
export function texts() {
  const known = new Map<string, number>();
  const all: string[] = [];
  return {
    all,
    indexOf(text: string): number {
      const index = known.get(text) ?? all.push(text) - 1;
      known.set(text, index);
      return index;
    },
  };
}
