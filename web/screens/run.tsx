import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import type { RunView } from '../../src/live/run-view.ts';
import { RECOMPUTED } from '../../src/plan/memory/role-texts.ts';
import {
  formatBytes,
  formatDuration,
  formatNumber,
  formatShare,
  formatTime,
  shownName,
} from '../app/format.ts';
import { later } from '../app/later.tsx';
import { command, togglePause } from '../app/pause.ts';
import { addressOf, TABS, type Tab } from '../app/route.ts';
import { type KnownRun, runOf, serverRuns, tabRuns, watchRun } from '../app/runs.ts';
import { sentenceOf } from '../app/sentence.ts';
import { followOnServer } from '../app/server-source.ts';
import { text } from '../text/text.ts';
import { CurvesTab } from './curves.tsx';
import { resumeInTab } from './lab/start.ts';
import { CommandLine, Empty, PhaseMark } from './parts.tsx';

export interface TabProps {
  readonly id: string;
  readonly view: RunView;
  readonly name: string;
  /** Changes with the run. */
  readonly version: number;
}

const SCREENS: Readonly<Record<Tab, ComponentType<TabProps>>> = {
  curves: CurvesTab,
  confusions: later(async () => (await import('./confusions.tsx')).ConfusionsTab),
  try: later(async () => (await import('./try/tab.tsx')).TryTab),
  memory: later(async () => (await import('./memory.tsx')).MemoryTab),
  time: later(async () => (await import('./time.tsx')).TimeTab),
  layers: later(async () => (await import('./layers.tsx')).LayersTab),
  data: later(async () => (await import('./data.tsx')).DataTab),
  log: later(async () => (await import('./log.tsx')).LogTab),
};

export function RunScreen({ id, tab }: { readonly id: string; readonly tab: Tab }) {
  const t = text();
  const run = runOf(id);
  const source = run?.source;
  useEffect(() => {
    followOnServer(source === 'server' ? [id] : []);
  }, [id, source]);
  if (!run) {
    const isLoading = tabRuns.value === undefined || serverRuns.value === undefined;
    return <Empty>{isLoading ? t.loading : t.notFound}</Empty>;
  }
  const view = watchRun(id);
  const names: Readonly<Record<Tab, string>> = {
    curves: t.tabCurves,
    confusions: t.tabConfusions,
    try: t.stepTry,
    memory: t.tabMemory,
    time: t.tabTime,
    layers: t.tabLayers,
    data: t.tabData,
    log: t.tabLog,
  };
  const Shown = SCREENS[tab];
  return (
    <section>
      <RunHeader run={run} view={view} version={view.version} />
      <nav class="tabs" aria-label={shownName(run.name)}>
        {TABS.map((each) => (
          <a
            key={each}
            href={addressOf({ screen: 'run', id, tab: each })}
            aria-current={each === tab ? 'page' : undefined}
          >
            {names[each]}
          </a>
        ))}
      </nav>
      <Shown id={id} view={view} name={run.name} version={view.version} />
    </section>
  );
}

/** @param version drawn again when it changes: the view itself stays the same object. */
function RunHeader({
  run,
  view,
}: {
  readonly run: KnownRun;
  readonly view: RunView;
  readonly version: number;
}) {
  const t = text();
  const { start, phase: viewPhase } = view;
  const phase = run.source === 'tab' ? viewPhase : run.phase;
  const isAtWork = isTraining(phase);
  const last = view.epochs.at(-1);
  const accuracy = last?.validationAccuracy ?? last?.testAccuracy ?? run.accuracy;
  const name = last?.validationAccuracy === undefined ? t.testAccuracy : t.validationAccuracy;
  const rss = view.latest('rssBytes');
  const facts: readonly (readonly [string, string, string?])[] = [
    [t.trainLoss, formatNumber(view.steps > 0 ? view.latest('trainLoss') : run.trainLoss), 'train-loss'],
    [name, formatShare(accuracy), 'test-accuracy'],
    [t.planned, start ? formatBytes(start.plannedPeakBytes) : '–'],
    ...(Number.isNaN(rss) ? [] : [[t.inUse, formatBytes(rss)] as const]),
  ];
  return (
    <header class="run">
      <div class="title">
        <h1 dir="auto">{shownName(run.name)}</h1>
        <PhaseMark phase={phase} testId="phase" />
        {run.isOwned && isAtWork && (
          <span class="buttons">
            <button type="button" data-testid="pause" onClick={() => togglePause({ ...run, phase })}>
              {phase === 'paused' ? t.goOn : t.pause}
            </button>
            <button type="button" data-testid="stop" onClick={() => command(run, 'stop')}>
              {t.stop}
            </button>
          </span>
        )}
        {run.source === 'tab' && (phase === 'lost' || phase === 'stopped' || phase === 'failed') && (
          <button type="button" class="primary" data-testid="resume" onClick={() => void resumeInTab(run.id)}>
            {t.resumeHere}
          </button>
        )}
        {run.source === 'tab' && <a href="#/lab">{t.openLab}</a>}
      </div>
      <p class="note">
        <span data-testid="epoch">{start ? t.epochOf(view.epoch.toFixed(2), start.epochs) : '–'}</span>
        {start && ` · ${start.model} · ${start.config.data ?? ''} · ${start.engine} ${start.isa}`}
        {isAtWork && ` · ${endOf(view)}`}
      </p>
      <dl class="facts">
        {facts.map(([key, value, testId]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd data-testid={testId}>{value}</dd>
          </div>
        ))}
      </dl>
      {run.read && run.read.skipped > 0 && <p class="note">{t.logSkipped(run.read.skipped)}</p>}
      {run.read?.cutAt !== undefined && <p class="trouble">{t.logCut(formatBytes(run.read.cutAt))}</p>}
      {view.plan?.roles.some((role) => role.endsWith(RECOMPUTED)) && <p class="note">{t.recomputes}</p>}
      <Remedy run={run} view={view} phase={phase} message={view.message} />
    </header>
  );
}

function isTraining(phase: string): boolean {
  return phase === 'running' || phase === 'evaluating' || phase === 'paused';
}

function Remedy({
  run,
  view,
  phase,
  message,
}: {
  readonly run: KnownRun;
  readonly view: RunView;
  readonly phase: string;
  readonly message: string | undefined;
}) {
  const t = text();
  if (phase === 'failed') {
    const isNonFinite = /NaN or infinity/.test(message ?? '');
    return (
      <p class="trouble" role="alert" data-testid="failure">
        {sentenceOf(message ?? '')} {isNonFinite && t.failedHelp}
      </p>
    );
  }
  if (isTraining(phase) && message !== undefined)
    return (
      <p class="note" role="status" data-testid="notice">
        {sentenceOf(message)}
      </p>
    );
  if (phase !== 'lost') return null;
  if (run.source !== 'server')
    return <p class="trouble">{run.source === 'tab' ? t.lostHere : t.lostInFile}</p>;
  const folder = view.checkpoint?.path.replace(/[\\/][^\\/]*$/, '') ?? run.name;
  return (
    <div class="trouble" role="alert">
      <p>{t.lostHelp}</p>
      <CommandLine>{`densor train --resume ${/^[\w./-]+$/.test(folder) ? folder : JSON.stringify(folder)}`}</CommandLine>
    </div>
  );
}

/** When the run ends, and how far that may be wrong: by how unevenly its steps came. */
function endOf(view: RunView): string {
  const { start, lastStep, steps } = view;
  if (!start || steps < 2) return '';
  const left = start.epochs * start.stepsPerEpoch - lastStep;
  const times = Array.from({ length: Math.min(100, steps) }, (_, i) =>
    view.column('stepMs').at(steps - 1 - i),
  ).sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * (times.length - 1))]!;
  const perEpoch = view.epochs.length > 0 ? restPerEpoch(view) : 0;
  const restEpochs = start.epochs - Math.floor(view.epoch);
  const ms = left * at(0.5) + restEpochs * perEpoch;
  const spread = Math.max(1000, (left * (at(0.9) - at(0.1))) / 2);
  return text().doneAt(formatTime(new Date(Date.now() + ms)), formatDuration(spread));
}

/** Time of an epoch beside its steps. */
export function restPerEpoch(view: RunView): number {
  const { start, epochs, steps } = view;
  if (!start || steps < start.stepsPerEpoch) return 0;
  let ms = 0;
  for (let i = steps - start.stepsPerEpoch; i < steps; i++) ms += view.column('stepMs').at(i);
  return Math.max(0, (epochs.at(-1)?.durationMs ?? 0) - ms);
}
