import { signal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { chosenFiles } from '../app/dropped-files.ts';
import { openLogs } from '../app/file-source.ts';
import { formatBytes, formatDuration, formatNumber, formatShare, shownName } from '../app/format.ts';
import { go } from '../app/route.ts';
import {
  allRuns,
  fileTrouble,
  type KnownRun,
  selected,
  serverRuns,
  tabRuns,
  toggleSelected,
} from '../app/runs.ts';
import { hasServer } from '../app/server-source.ts';
import { text } from '../text/text.ts';
import { trainSample } from './lab/start.ts';
import { CommandLine, PhaseMark, Scroll } from './parts.tsx';

const filter = signal('');
/** The run that the keys are at. */
const current = signal(0);

function shownRuns(): readonly KnownRun[] {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = ({ name, model = '', data = '' }: KnownRun) =>
    words.every((word) => `${name} ${model} ${data}`.toLowerCase().includes(word));
  return allRuns()
    .filter(matches)
    .sort((a, b) => (b.startedAt ?? '').localeCompare(a.startedAt ?? ''));
}

/** Keys of the list: j, k, x and Enter. @returns whether the key was one. */
export function runsKey(key: string): boolean {
  const shown = shownRuns();
  if (key === 'j') current.value = Math.min(shown.length - 1, current.value + 1);
  else if (key === 'k') current.value = Math.max(0, current.value - 1);
  else if (key === 'x' && shown[current.value]) toggleSelected(shown[current.value]!.id);
  else if (key === 'Enter' && shown[current.value])
    go({ screen: 'run', id: shown[current.value]!.id, tab: 'curves' });
  else return false;
  document.querySelector<HTMLElement>(`[data-row="${current.value}"] a`)?.focus();
  return true;
}

export function RunsScreen() {
  const t = text();
  const runs = shownRuns();
  const all = allRuns().length;
  const isLoading = tabRuns.value === undefined || serverRuns.value === undefined;
  return (
    <section>
      <div class="title">
        <h1>{t.runsTitle}</h1>
        {all > 0 && (
          <input
            id="filter"
            type="text"
            inputMode="search"
            value={filter.value}
            placeholder={t.runsFilter}
            aria-label={t.runsFilter}
            onInput={(event) => {
              filter.value = event.currentTarget.value;
              current.value = 0;
            }}
          />
        )}
        <OpenLog />
        {selected.value.length > 1 && (
          <button
            type="button"
            class="primary"
            data-testid="compare"
            onClick={() => go({ screen: 'compare' })}
          >
            {t.runsCompare(selected.value.length)}
          </button>
        )}
      </div>
      {fileTrouble.value && (
        <p class="trouble" role="alert" data-testid="file-trouble">
          {fileTrouble.value}
        </p>
      )}
      {isLoading && <p class="empty">{t.loading}</p>}
      {!isLoading && all === 0 && <NoRuns />}
      {all > 0 && <p class="note">{t.runsMatching(runs.length, all)}</p>}
      {all > 0 && <RunTable runs={runs} />}
    </section>
  );
}

/** Chooses the logs of runs from files; they may be dropped as well. */
function OpenLog() {
  const t = text();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" title={t.openLogHow} onClick={() => input.current?.click()}>
        {t.openLog}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        accept=".jsonl"
        data-testid="log-file"
        onChange={(event) => {
          void openLogs(chosenFiles(event.currentTarget.files));
          event.currentTarget.value = '';
        }}
      />
    </>
  );
}

function NoRuns() {
  const t = text();
  return (
    <div class="card welcome" data-testid="runs-empty">
      <h2>{t.runsEmpty}</h2>
      <p>{t.runsEmptyHow}</p>
      <CommandLine>npx densor train photos/ --ui</CommandLine>
      <p class="note">{t.openLogHow}</p>
      <button type="button" class="primary" data-testid="sample" onClick={() => void trainSample()}>
        {t.trainSample}
      </button>
    </div>
  );
}

function RunTable({ runs }: { readonly runs: readonly KnownRun[] }) {
  const t = text();
  const columns = [
    t.columnPhase,
    t.columnEpoch,
    t.columnLoss,
    t.columnAccuracy,
    t.columnBest,
    t.columnLeft,
    t.columnMemory,
  ];
  return (
    <Scroll>
      <table class="runs" data-testid="runs">
        <thead>
          <tr>
            <th />
            <th scope="col">{t.columnRun}</th>
            {columns.map((name) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {runs.map((run, i) => (
            <RunRow key={run.id} run={run} row={i} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function RunRow({ run, row }: { readonly run: KnownRun; readonly row: number }) {
  const t = text();
  const { id, name, phase, epoch, epochs, trainLoss, accuracy, best, etaMs, bytes, source } = run;
  const isRunning = phase === 'running' || phase === 'evaluating';
  const said = shownName(name);
  return (
    <tr data-testid={`run-${id}`} data-row={row} class={row === current.value ? 'current' : ''}>
      <td>
        <input
          type="checkbox"
          checked={selected.value.includes(id)}
          aria-label={t.runsSelect(said)}
          onChange={() => toggleSelected(id)}
        />
      </td>
      <th scope="row">
        <a href={`#/run/${id}/curves`} dir="auto">
          {said}
        </a>
        {source === 'tab' && hasServer && <small> {t.inThisBrowser}</small>}
        {source === 'file' && <small> {t.fromFile}</small>}
      </th>
      <td>
        <PhaseMark phase={phase} />
      </td>
      <td>{epoch === undefined ? '–' : `${epoch.toFixed(1)} / ${epochs ?? '?'}`}</td>
      <td>{formatNumber(trainLoss)}</td>
      <td>{formatShare(accuracy)}</td>
      <td>{formatShare(best)}</td>
      <td>{isRunning && etaMs !== undefined ? formatDuration(etaMs) : '–'}</td>
      <td>{bytes === undefined ? '–' : formatBytes(bytes)}</td>
    </tr>
  );
}
