import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { RunView } from '../../src/live/run-view.ts';
import { csvOf } from '../app/csv.ts';
import { download } from '../app/download.ts';
import { formatDuration, formatNumber, formatShare, shownName } from '../app/format.ts';
import { type KnownRun, runOf, selected, watchRun } from '../app/runs.ts';
import { followOnServer } from '../app/server-source.ts';
import { Chart, type Line } from '../charts/chart.tsx';
import { text } from '../text/text.ts';
import { groupsOf, pairsOf, type RunGroup } from './compare-groups.ts';
import { accuracyLine, ChartButtons, columnLine, extentOfRun, isLog, isSmooth, resets } from './curves.tsx';
import { Empty, Scroll } from './parts.tsx';

export interface ComparedRun {
  readonly run: KnownRun;
  readonly view: RunView;
}

const METRICS = ['trainLoss', 'accuracy', 'learningRate', 'stepMs'] as const;
type Metric = (typeof METRICS)[number];
const metric = signal<Metric>('trainLoss');

const COLOURS = ['--c1', '--c2', '--c3', '--c4', '--c5', '--c6', '--c7', '--c8'];
/** Curves differ in their dashes too: colours alone are not told apart by all. */
const DASHES: readonly (readonly number[] | undefined)[] = [undefined, [8, 4], [2, 3], [10, 3, 2, 3]];

export function CompareScreen() {
  const t = text();
  const compared = selected.value.flatMap((id): ComparedRun[] => {
    const run = runOf(id);
    return run ? [{ run, view: watchRun(id) }] : [];
  });
  const followed = compared.filter(({ run }) => run.source === 'server').map(({ run }) => run.id);
  useEffect(() => {
    followOnServer(followed);
  }, [followed.join()]);
  if (compared.length < 2) return <Empty>{t.compareEmpty}</Empty>;
  const extents = compared.map(({ view }) => extentOfRun(view));
  const names: Readonly<Record<Metric, string>> = {
    trainLoss: t.trainLoss,
    accuracy: t.columnAccuracy,
    learningRate: t.learningRate,
    stepMs: t.timeTitle,
  };
  const groups = groupsOf(compared);
  return (
    <section>
      <div class="title">
        <h1>{t.compareTitle}</h1>
        <label>
          {t.metric}{' '}
          <select
            value={metric.value}
            onChange={(event) => {
              metric.value = METRICS.find((each) => each === event.currentTarget.value) ?? 'trainLoss';
            }}
          >
            {METRICS.map((each) => (
              <option key={each} value={each}>
                {names[each]}
              </option>
            ))}
          </select>
        </label>
      </div>
      <ChartButtons onCsv={() => download('densor-runs.csv', csvOf(epochRows(compared)), 'text/csv')} />
      <Chart
        title={names[metric.value]}
        subject={t.runsCompare(compared.length)}
        lines={linesOf(compared, groups)}
        extent={[Math.min(...extents.map(([from]) => from)), Math.max(...extents.map(([, to]) => to))]}
        xName={t.axisEpoch}
        version={compared.map(({ view }) => view.version).join()}
        isLog={isLog.value && metric.value !== 'accuracy'}
        resets={resets.value}
        format={metric.value === 'accuracy' ? formatShare : formatNumber}
      />
      {groups.length < compared.length && <p class="note">{t.compareBand}</p>}
      <Results compared={compared} />
      <Pairs groups={groups} />
      <Differences compared={compared} />
    </section>
  );
}

function linesOf(compared: readonly ComparedRun[], groups: readonly RunGroup[]): readonly Line[] {
  const lookOf = (i: number) => ({
    colour: COLOURS[i % COLOURS.length]!,
    dash: DASHES[Math.floor(i / 2) % DASHES.length],
  });
  const now = metric.value;
  if (now === 'accuracy') {
    return groups.flatMap((group, i): Line[] => {
      const { colour, dash } = lookOf(i);
      const look = { colour, ...(dash && { dash }) };
      if (group.runs.length === 1)
        return [accuracyLine(group.runs[0]!.view, { ...look, name: shownName(group.name), kind: 'dots' })];
      return [
        {
          ...look,
          name: `${shownName(group.name)} (${group.runs.length})`,
          kind: 'line',
          points: group.mean,
        },
        { colour, name: `${shownName(group.name)} ±`, kind: 'band', points: group.band },
      ];
    });
  }
  return compared.map(({ run, view }, i) => {
    const { colour, dash } = lookOf(i);
    const look = { name: shownName(run.name), colour, kind: 'line', ...(dash && { dash }) } as const;
    return columnLine(view, now, look, isSmooth.value);
  });
}

function Results({ compared }: { readonly compared: readonly ComparedRun[] }) {
  const t = text();
  return (
    <Scroll>
      <table>
        <caption>{t.compareEnd}</caption>
        <thead>
          <tr>
            {[
              t.columnRun,
              t.columnPhase,
              t.columnEpoch,
              t.columnLoss,
              t.columnAccuracy,
              t.columnBest,
              t.timeTitle,
            ].map((name) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {compared.map(({ run, view }) => (
            <tr key={run.id}>
              <th scope="row" dir="auto">
                {shownName(run.name)}
              </th>
              <td>{t[run.phase]}</td>
              <td>{view.epoch.toFixed(1)}</td>
              <td>{formatNumber(run.trainLoss)}</td>
              <td>{formatShare(run.accuracy)}</td>
              <td>{formatShare(run.best)}</td>
              <td>{view.steps > 0 ? formatDuration(view.latest('stepMs')) : '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Pairs({ groups }: { readonly groups: readonly RunGroup[] }) {
  const t = text();
  const pairs = pairsOf(groups);
  if (pairs.length === 0) return null;
  return (
    <div>
      <h2>{t.comparePaired}</h2>
      <ul>
        {pairs.map(({ a, b, mean, count }) => (
          <li key={`${a} ${b}`}>
            {t.comparePairedText(
              shownName(a),
              shownName(b),
              `${mean >= 0 ? '+' : ''}${mean.toFixed(4)}`,
              count,
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Differences({ compared }: { readonly compared: readonly ComparedRun[] }) {
  const t = text();
  const configs = compared.map(({ view }) => new Map(Object.entries(view.start?.config ?? {})));
  const names = [...new Set(configs.flatMap((config) => [...config.keys()]))];
  const shown = (value: unknown) =>
    value === undefined ? '–' : shownName(typeof value === 'string' ? value : JSON.stringify(value));
  const rows = names
    .map((name) => ({ name, values: configs.map((config) => shown(config.get(name))) }))
    .filter(({ values }) => new Set(values).size > 1);
  return (
    <div>
      <h2>{t.compareDifference}</h2>
      {rows.length === 0 && <p class="note">{t.compareSame}</p>}
      {rows.length > 0 && (
        <Scroll>
          <table>
            <thead>
              <tr>
                <th scope="col">{t.setting}</th>
                {compared.map(({ run }) => (
                  <th scope="col" key={run.id} dir="auto">
                    {shownName(run.name)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map(({ name, values }) => (
                <tr key={name}>
                  <th scope="row">{shownName(name)}</th>
                  {values.map((value, i) => (
                    <td key={compared[i]!.run.id} class="code">
                      {value}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </div>
  );
}

/** The results of each epoch of each run. */
function epochRows(compared: readonly ComparedRun[]): (string | number)[][] {
  const rows: (string | number)[][] = [
    ['run', 'epoch', 'trainLoss', 'trainAccuracy', 'testAccuracy', 'validationAccuracy'],
  ];
  for (const { run, view } of compared) {
    for (const { epoch, trainLoss, trainAccuracy, testAccuracy, validationAccuracy } of view.epochs)
      rows.push([
        run.name,
        epoch + 1,
        trainLoss,
        trainAccuracy,
        testAccuracy ?? '',
        validationAccuracy ?? '',
      ]);
  }
  return rows;
}
