import type { OtherEvent, StepEvent } from './protocol.ts';

type Kind = 'number' | 'text' | 'flag' | 'object' | 'numbers' | 'texts' | 'list' | 'number?' | 'text?';

/** What a page relies on in each event; fields beyond these it shows as they are, or not at all. */
const FIELDS = {
  start: {
    ...{
      startedAt: 'text',
      model: 'text',
      parameters: 'number',
      engine: 'text',
      isa: 'text',
    },
    ...{
      threads: 'number',
      epochs: 'number',
      stepsPerEpoch: 'number',
      batch: 'number',
      trainImages: 'number',
    },
    ...{
      testImages: 'number',
      validationImages: 'number',
      plannedPeakBytes: 'number',
      resumedAtStep: 'number',
    },
  },
  step: {
    ...{ globalStep: 'number', loss: 'number', trainLoss: 'number', trainAccuracy: 'number' },
    ...{ learningRate: 'number', stepMs: 'number', etaMs: 'number', rssBytes: 'number?' },
  },
  data: { data: 'text', classes: 'list', skipped: 'list' },
  point: { point: 'object' },
  evaluating: { epoch: 'number', done: 'number', total: 'number' },
  epoch: {
    ...{ epoch: 'number', trainLoss: 'number', trainAccuracy: 'number', testAccuracy: 'number?' },
    ...{
      validationAccuracy: 'number?',
      examplesPerSecond: 'number',
      durationMs: 'number',
      rssBytes: 'number?',
    },
  },
  scores: {
    ...{ epoch: 'number', of: 'text', classNames: 'texts', confusion: 'numbers', mistakes: 'list' },
    ...{ side: 'number', channels: 'number' },
  },
  tensors: { epoch: 'number', names: 'texts', rms: 'numbers', largest: 'numbers' },
  plan: {
    ...{
      plannedPeakBytes: 'number',
      arenaBytes: 'number',
      persistentBytes: 'number',
      scratchBytes: 'number',
    },
    ...{ threads: 'number', backwardFrom: 'number', updateFrom: 'number', peakRecord: 'number' },
    ...{ peakBytes: 'number', records: 'numbers', parts: 'texts', roles: 'texts', reasons: 'texts' },
    buffers: 'numbers',
  },
  profile: { globalStep: 'number', stepMs: 'number', parts: 'texts', ops: 'texts', rows: 'numbers' },
  checkpoint: { path: 'text', globalStep: 'number', best: 'flag' },
  stopped: { reason: 'text', globalStep: 'number', message: 'text' },
  end: {
    ...{ trainLoss: 'number', trainAccuracy: 'number', testAccuracy: 'number', bestTestAccuracy: 'number?' },
    ...{ examplesPerSecond: 'number', durationMs: 'number', rssBytes: 'number?' },
  },
} as const satisfies Readonly<Record<(OtherEvent | StepEvent)['kind'], Readonly<Record<string, Kind>>>>;

const POINT = ['epoch', 'trainLoss', 'trainAccuracy', 'testAccuracy', 'validationAccuracy', 'learningRate'];
const MISTAKE = {
  index: 'number',
  label: 'number',
  predicted: 'number',
  confidence: 'number',
  truth: 'number',
};

const is: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  number: (value) => typeof value === 'number',
  'number?': (value) => value === undefined || value === null || typeof value === 'number',
  text: (value) => typeof value === 'string',
  'text?': (value) => value === undefined || typeof value === 'string',
  flag: (value) => typeof value === 'boolean',
  object: isObject,
  list: Array.isArray,
  numbers: (value) => Array.isArray(value) && value.every((each) => typeof each === 'number'),
  texts: (value) => Array.isArray(value) && value.every((each) => typeof each === 'string'),
};

/** The same, to be gone through quickly: a log has a million steps. */
const CHECKS = new Map(
  Object.entries(FIELDS).map(([kind, fields]) => [
    kind,
    Object.entries(fields).map(([name, type]) => [name, is[type as Kind]] as const),
  ]),
);

/** What a line of a log says, where it is an event with all that is relied on; logs come from anywhere. */
export function knownEvent(json: unknown): OtherEvent | StepEvent | undefined {
  if (!isObject(json)) return undefined;
  const { kind } = json;
  if (typeof kind !== 'string' || !Object.hasOwn(FIELDS, kind)) return undefined;
  if (!CHECKS.get(kind)!.every(([name, check]) => check(json[name]))) return undefined;
  if (kind === 'start' && json.config !== undefined && !isObject(json.config)) return undefined;
  if (kind === 'point') {
    const point = json.point as Record<string, unknown>;
    if (!POINT.every((name) => is['number?'](point[name])) || typeof point.epoch !== 'number')
      return undefined;
  }
  if (kind === 'scores') {
    const isMistake = (each: unknown) =>
      isObject(each) &&
      has(each, MISTAKE as Record<string, Kind>) &&
      is['text?'](each.pixels) &&
      is['text?'](each.file);
    if (!(json.mistakes as unknown[]).every(isMistake)) return undefined;
  }
  if (kind === 'data') {
    const isSkipped = (each: unknown) => isObject(each) && is.text(each.file) && is.text(each.reason);
    const isClass = (each: unknown) => isObject(each) && is.text(each.name) && is.number(each.train);
    if (!(json.skipped as unknown[]).every(isSkipped) || !(json.classes as unknown[]).every(isClass))
      return undefined;
  }
  // What the first versions did not tell.
  if (kind === 'start') return { config: {}, validationImages: 0, ...json } as unknown as OtherEvent;
  return json as unknown as OtherEvent | StepEvent;
}

function has(json: Record<string, unknown>, fields: Readonly<Record<string, Kind>>): boolean {
  return Object.entries(fields).every(([name, kind]) => is[kind](json[name]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
