import { useState } from 'preact/hooks';
import type { ToldEvent } from '../../src/live/run-view.ts';
import { formatNumber, formatShare, formatTime, shownName } from '../app/format.ts';
import { text } from '../text/text.ts';
import { Empty } from './parts.tsx';
import type { TabProps } from './run.tsx';

const MOST_LINES = 500;

/** What happened beside steps, the latest first. */
export function LogTab({ view }: TabProps) {
  const t = text();
  const [filter, setFilter] = useState('');
  const lines = view.events
    .filter(({ event }) => event.kind !== 'point')
    .map((told) => ({ told, line: lineOf(told) }))
    .reverse();
  const shown = lines.filter(({ line }) => line.toLowerCase().includes(filter.toLowerCase()));
  if (lines.length === 0) return <Empty>{t.logEmpty}</Empty>;
  return (
    <div>
      <div class="title">
        <input
          id="filter"
          type="text"
          inputMode="search"
          value={filter}
          placeholder={t.logFilter}
          aria-label={t.logFilter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        <span class="note">{t.logShown(Math.min(shown.length, MOST_LINES), lines.length)}</span>
      </div>
      <ol class="log">
        {shown.slice(0, MOST_LINES).map(({ told, line }, i) => (
          <li key={i}>
            <time>{timeOf(told)}</time> <b>{told.event.kind}</b> <span dir="auto">{line}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

function timeOf({ time }: ToldEvent): string {
  const date = time === undefined ? undefined : new Date(time);
  return date && !Number.isNaN(date.getTime()) ? formatTime(date) : '';
}

function lineOf({ event }: ToldEvent): string {
  switch (event.kind) {
    case 'start':
      return shownName(
        `${event.model}, ${event.epochs} × ${event.stepsPerEpoch}, ${event.engine} ${event.isa} × ${event.threads}`,
      );
    case 'epoch': {
      const accuracy = event.validationAccuracy ?? event.testAccuracy;
      return `${event.epoch + 1}: ${formatNumber(event.trainLoss)}, ${formatShare(event.trainAccuracy)}, ${formatShare(accuracy ?? undefined)}`;
    }
    case 'checkpoint':
      return shownName(`${event.path} (${event.globalStep})`);
    case 'stopped':
      return shownName(event.message);
    case 'end':
      return `${formatNumber(event.trainLoss)}, ${formatShare(event.testAccuracy)}`;
    case 'scores':
    case 'tensors':
      return `${event.epoch + 1}`;
    case 'data':
      return shownName(event.data);
    case 'profile':
      return `${event.globalStep}: ${formatNumber(event.stepMs)} ms`;
    case 'plan':
    case 'point':
    case 'evaluating':
      return '';
    default:
      return event satisfies never;
  }
}
