import { signal } from '@preact/signals';
import type { RunNews, RunSummary } from '../../src/live/protocol.ts';
import { RunView } from '../../src/live/run-view.ts';

/** A run of the list, and who tells of it. */
export interface KnownRun extends RunSummary {
  readonly source: 'server' | 'tab' | 'file';
  /** It can be paused and stopped from here. */
  readonly isOwned?: boolean | undefined;
  /** What of its log file is not shown. */
  readonly read?: { readonly skipped: number; readonly cutAt: number | undefined };
}

/** Undefined until somebody has answered. */
export const serverRuns = signal<readonly KnownRun[] | undefined>(undefined);
export const tabRuns = signal<readonly KnownRun[] | undefined>(undefined);
/** Runs whose logs were dropped on the page, and what was wrong with the last file. */
export const fileRuns = signal<readonly KnownRun[]>([]);
export const fileTrouble = signal<string | undefined>(undefined);

/** Runs that are selected to be compared, at most 16. */
export const MOST_SELECTED = 16;
export const selected = signal<readonly string[]>([]);

/** Grows when any run that is looked at has changed: what draws runs reads it. */
export const pulse = signal(0);

const views = new Map<string, RunView>();
let isPulseDue = false;

export function allRuns(): readonly KnownRun[] {
  return [...fileRuns.value, ...(tabRuns.value ?? []), ...(serverRuns.value ?? [])];
}

export function runOf(id: string): KnownRun | undefined {
  return allRuns().find((run) => run.id === id);
}

export function viewOf(id: string): RunView {
  const known = views.get(id);
  if (known) return known;
  const view = new RunView();
  views.set(id, view);
  return view;
}

/** A run in the list, by what is known of it. */
export function summaryOf(id: string, name: string): RunSummary {
  const view = viewOf(id);
  const { start, epochs, phase, steps } = view;
  const accuracies = epochs.map(
    ({ validationAccuracy, testAccuracy }) => validationAccuracy ?? testAccuracy ?? 0,
  );
  const left = start ? start.epochs * start.stepsPerEpoch - view.lastStep : 0;
  return {
    ...{ id, name, phase, epoch: view.epoch },
    ...(start && { model: start.model, epochs: start.epochs, bytes: start.plannedPeakBytes }),
    ...(start && { startedAt: start.startedAt, data: `${start.config.data ?? ''}` }),
    ...(steps > 0 && { trainLoss: view.latest('trainLoss'), etaMs: left * view.latest('stepMs') }),
    ...(accuracies.length > 0 && { accuracy: accuracies.at(-1)!, best: Math.max(...accuracies) }),
  };
}

/** The view of a run for what draws it, which is drawn again when the run changes. */
export function watchRun(id: string): RunView {
  // The value is used: a mere reading of it would be optimised away, and with it the subscription.
  return pulse.value >= 0 ? viewOf(id) : new RunView();
}

export function forgetView(id: string): void {
  views.delete(id);
}

export function applyNews(id: string, news: RunNews): void {
  viewOf(id).apply(news);
  touch();
}

const REDUCED = matchMedia('(prefers-reduced-motion: reduce)');

/** Draws again soon; once a second for those who want less motion. */
export function touch(): void {
  if (isPulseDue) return;
  isPulseDue = true;
  const draw = () => {
    isPulseDue = false;
    pulse.value++;
  };
  setTimeout(draw, REDUCED.matches ? 1000 : document.hidden ? 250 : 60);
}

export function toggleSelected(id: string): void {
  const now = selected.value;
  if (now.includes(id)) selected.value = now.filter((each) => each !== id);
  else if (now.length < MOST_SELECTED) selected.value = [...now, id];
}
