import { decodeColumn } from './columns.ts';
import {
  type OtherEvent,
  PHASES,
  type Phase,
  type RunNews,
  STEP_COLUMNS,
  type StepColumn,
} from './protocol.ts';
import { MinMaxPyramid } from './pyramid.ts';

type EventOf<Kind extends OtherEvent['kind']> = Extract<OtherEvent, { kind: Kind }>;

/** An event that is no step, and when it happened. */
export interface ToldEvent {
  readonly event: OtherEvent;
  readonly time: string | undefined;
}

/** Longer logs keep their first and their latest events. */
const MOST_EVENTS = 20_000;

/**
 * All that is known of a run: the one reducer of news, whether they come from a server, a worker or a file. It changes in
 * place, because a million steps are not copied; `version` grows with each change.
 */
export class RunView {
  phase: Phase = 'preparing';
  message: string | undefined;
  /** The latest `start`: a resumed run has several. */
  start: EventOf<'start'> | undefined;
  plan: EventOf<'plan'> | undefined;
  /** Of the latest start: a resumed run has several. */
  profile: EventOf<'profile'> | undefined;
  data: EventOf<'data'> | undefined;
  scores: EventOf<'scores'>[] = [];
  tensors: EventOf<'tensors'>[] = [];
  epochs: EventOf<'epoch'>[] = [];
  points: EventOf<'point'>['point'][] = [];
  end: EventOf<'end'> | undefined;
  evaluating: EventOf<'evaluating'> | undefined;
  checkpoint: EventOf<'checkpoint'> | undefined;
  events: ToldEvent[] = [];
  /** The number of the first step that there is. */
  firstStep = 1;
  version = 0;
  /** Grows when everything begins anew. */
  generation = 0;
  #columns = newPyramids();

  /** Steps that there are. */
  get steps(): number {
    return this.#columns.loss.length;
  }

  /** The number of the latest step; 0 where there is none. */
  get lastStep(): number {
    return this.steps === 0 ? 0 : this.firstStep + this.steps - 1;
  }

  column(name: StepColumn): MinMaxPyramid {
    return this.#columns[name];
  }

  /** The value of a column at the latest step. */
  latest(name: StepColumn): number {
    return this.#columns[name].at(this.steps - 1);
  }

  /** Epochs done, with fractions. */
  get epoch(): number {
    const { lastStep, start, epochs } = this;
    if (start && lastStep > 0) return lastStep / Math.max(1, start.stepsPerEpoch);
    return this.points.at(-1)?.epoch ?? (epochs.length > 0 ? epochs.at(-1)!.epoch + 1 : 0);
  }

  apply(news: RunNews): void {
    this.version++;
    switch (news.kind) {
      case 'hello':
        this.#forget(news.phase);
        break;
      case 'phase':
        if (PHASES.includes(news.phase)) this.phase = news.phase;
        this.message = news.message ?? this.message;
        break;
      case 'steps':
        this.#addSteps(news);
        break;
      case 'event':
        this.#tell(news.event, news.time);
        break;
      default:
        news satisfies never;
    }
  }

  #forget(phase: Phase): void {
    const { version, generation } = this;
    Object.assign(this, new RunView(), { version, generation: generation + 1, phase });
    this.#columns = newPyramids();
  }

  #addSteps({ from, count, columns }: Extract<RunNews, { kind: 'steps' }>): void {
    // The same steps again, after a connection was lost, or steps that are missing: told once, and drawn as a gap.
    const known = this.lastStep;
    if (known === 0) this.firstStep = from;
    const skip = known === 0 ? 0 : known + 1 - from;
    if (skip >= count) return;
    const gap = Math.max(0, -skip);
    for (const name of STEP_COLUMNS) {
      const pyramid = this.#columns[name];
      if (gap > 0) pyramid.append(new Float32Array(Math.min(gap, MOST_GAP)).fill(Number.NaN));
      pyramid.append(decodeColumn(columns[name], count).subarray(Math.max(0, skip)));
    }
    if (this.phase === 'preparing' || this.phase === 'evaluating') this.phase = 'running';
  }

  #tell(event: OtherEvent, time: string | undefined): void {
    if (event.kind === 'evaluating') {
      this.evaluating = event;
      this.phase = 'evaluating';
      return;
    }
    this.events.push({ event, time });
    if (this.events.length > MOST_EVENTS) this.events.splice(MOST_EVENTS / 2, 1);
    switch (event.kind) {
      case 'start':
        this.start = event;
        this.message = undefined;
        this.end = undefined;
        this.phase = 'running';
        break;
      case 'plan':
        this.plan = event;
        break;
      case 'profile':
        this.profile = event;
        break;
      case 'data':
        this.data = event;
        break;
      case 'point':
        this.points.push(event.point);
        break;
      case 'epoch':
        this.epochs.push(event);
        this.evaluating = undefined;
        break;
      case 'scores':
        this.scores.push(event);
        break;
      case 'tensors':
        this.tensors.push(event);
        break;
      case 'checkpoint':
        this.checkpoint = event;
        break;
      case 'stopped':
        this.message = event.message;
        if (event.reason !== 'patience') this.phase = event.reason === 'nonFinite' ? 'failed' : 'stopped';
        break;
      case 'end':
        this.end = event;
        this.phase = 'done';
        break;
      default:
        event satisfies never;
    }
  }
}

/** A log with a hole of more steps than this was made by no run. */
const MOST_GAP = 100_000;

function newPyramids(): Readonly<Record<StepColumn, MinMaxPyramid>> {
  return Object.fromEntries(STEP_COLUMNS.map((name) => [name, new MinMaxPyramid()])) as Record<
    StepColumn,
    MinMaxPyramid
  >;
}
