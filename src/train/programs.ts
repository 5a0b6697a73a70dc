import type { ProgramRequest } from '../compile.ts';
import type { Mode } from '../model/trace.ts';
import type { StageName } from './stages.ts';

/** Batches of one data set: all of the same size except the last. */
export interface Batches {
  readonly count: number;
  readonly batch: number;
  /** Most images per training program. Default: the whole batch. */
  readonly microBatch?: number | undefined;
}

/** The programs for a data set: for full batches and for a short last batch; in training, for one stage. */
export function programsFor(
  mode: 'train' | 'evaluate',
  { count, batch, microBatch }: Batches,
  options: Omit<ProgramRequest, 'batch' | 'mode' | 'part'> = {},
  stage: StageName = 'whole',
): Record<string, ProgramRequest> {
  const sizes = new Set([Math.min(count, batch), count % batch || Math.min(count, batch)]);
  const entries = [...sizes].flatMap((size): [string, ProgramRequest][] => {
    if (mode === 'evaluate') return [[programName(mode, size), { ...options, batch: size, mode }]];
    return stepParts(size, microBatch, stage).map(({ program, request }) => [
      program,
      { ...options, ...request },
    ]);
  });
  return Object.fromEntries(entries);
}

/**
 * The program that measures running statistics, for full batches: with the same number of images as one part of a
 * training step.
 */
export function statisticsProgram(
  { count, batch, microBatch }: Batches,
  options: Pick<ProgramRequest, 'frozen'>,
  stage: StageName = 'whole',
): Record<string, ProgramRequest> {
  const { images } = stepParts(Math.min(count, batch), microBatch)[0]!;
  return { [programName('statistics', images, stage)]: { ...options, batch: images, mode: 'statistics' } };
}

/** The name of the program for a whole batch. */
export function programName(mode: Mode, size: number, stage: StageName = 'whole'): string {
  return `${stage === 'whole' ? '' : `${stage} `}${mode} ${size}`;
}

/** The part of a training step that one program computes: images [first, first + images) of the batch. */
export interface BatchPart {
  readonly program: string;
  readonly request: ProgramRequest;
  readonly first: number;
  readonly images: number;
}

/**
 * Splits a training step into as few parts as possible, of nearly equal size, so that no part has too few images for
 * its batch statistics. Depends only on the two numbers and the stage; a single part is the plain program of that
 * size.
 */
export function stepParts(size: number, microBatch = size, stage: StageName = 'whole'): readonly BatchPart[] {
  const mode = 'train';
  const count = Math.ceil(size / microBatch);
  const startOf = (index: number) => Math.floor((size * index) / count);
  return Array.from({ length: count }, (_, index) => {
    const first = startOf(index);
    const images = startOf(index + 1) - first;
    const whole = {
      program: programName(mode, images, stage),
      request: { batch: images, mode },
      first,
      images,
    } as const;
    if (count === 1) return whole;
    const place = index === 0 ? 'first' : index === count - 1 ? 'last' : 'middle';
    const part = { of: size, accumulate: index > 0, update: index === count - 1 };
    return {
      ...whole,
      program: `${whole.program} of ${size}, ${place}`,
      request: { ...whole.request, part },
    };
  });
}
