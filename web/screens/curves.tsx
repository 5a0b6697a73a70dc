import type { StepColumn } from '../../src/live/protocol.ts';
import type { RunView } from '../../src/live/run-view.ts';
import { csvOf } from '../app/csv.ts';
import { download } from '../app/download.ts';
import { formatShare, shownName } from '../app/format.ts';
import { Chart, type Line } from '../charts/chart.tsx';
import { type Points, pointsOf, smoothed } from '../charts/chart-data.ts';
import { isLog, isSmooth, resets, toggle } from '../charts/chart-options.ts';
import { text } from '../text/text.ts';
import type { TabProps } from './run.tsx';

export { isLog, isSmooth, resets };

/** Steps of an epoch; 1 where the axis counts steps, because nobody told how many an epoch has. */
const perUnit = ({ start }: RunView) => Math.max(1, start?.stepsPerEpoch ?? 1);

export function columnLine(
  view: RunView,
  column: StepColumn,
  look: Pick<Line, 'name' | 'colour' | 'dash' | 'kind'>,
  smooth = false,
): Line {
  return {
    ...look,
    points(stretch) {
      const found = pointsOf(view.column(column), view.firstStep, perUnit(view), stretch);
      if (
        found.x.length === 0 &&
        (column === 'trainLoss' || column === 'trainAccuracy' || column === 'learningRate')
      )
        return dots(view, (point) => point[column]); // A log without its steps still has the points of its curves.
      return smooth ? { ...found, least: smoothed(found.least), greatest: smoothed(found.greatest) } : found;
    },
  };
}

function dots(view: RunView, of: (point: RunView['points'][number]) => number | undefined): Points {
  const there = view.points.filter((point) => of(point) !== undefined);
  const values = there.map((point) => of(point)!);
  return { x: there.map(({ epoch }) => epoch), least: values, greatest: values };
}

/** The accuracy that chooses the best epoch, at the end of each. */
export function accuracyLine(view: RunView, look: Pick<Line, 'name' | 'colour' | 'dash' | 'kind'>): Line {
  return {
    ...look,
    points: () => dots(view, ({ validationAccuracy, testAccuracy }) => validationAccuracy ?? testAccuracy),
  };
}

export function extentOfRun(view: RunView): readonly [number, number] {
  const unit = perUnit(view);
  const last = Math.max(view.lastStep / unit, view.points.at(-1)?.epoch ?? 0);
  const first = view.steps > 0 ? (view.firstStep - 1) / unit : 0;
  return [first, last > first ? last : first + 1];
}

export function ChartButtons({ onCsv }: { readonly onCsv?: () => void }) {
  const t = text();
  return (
    <div class="buttons">
      <button type="button" aria-pressed={isLog.value} onClick={() => toggle(isLog)}>
        {t.logAxis}
      </button>
      <button type="button" aria-pressed={isSmooth.value} onClick={() => toggle(isSmooth)}>
        {t.smooth}
      </button>
      <button type="button" onClick={() => resets.value++}>
        {t.reset}
      </button>
      {onCsv && (
        <button type="button" data-testid="save-csv" onClick={onCsv}>
          {t.saveCsv}
        </button>
      )}
    </div>
  );
}

export function CurvesTab({ view, name, version }: TabProps) {
  const t = text();
  const smooth = isSmooth.value;
  const hasValidation = view.epochs.some(({ validationAccuracy }) => validationAccuracy !== undefined);
  const judged = hasValidation ? t.validationAccuracy : t.testAccuracy;
  const common = {
    subject: shownName(name),
    extent: extentOfRun(view),
    xName: view.start ? t.axisEpoch : t.axisStep,
    version: `${version} ${view.generation}`,
    resets: resets.value,
  };
  const loss = [
    columnLine(view, 'loss', { name: t.batchLoss, colour: '--band', kind: 'band' }),
    columnLine(view, 'trainLoss', { name: t.trainLoss, colour: '--c1', kind: 'line' }, smooth),
  ];
  const accuracy = [
    columnLine(
      view,
      'trainAccuracy',
      { name: t.trainAccuracy, colour: '--c1', kind: 'line', dash: [7, 4] },
      smooth,
    ),
    accuracyLine(view, { name: judged, colour: '--c2', kind: 'dots' }),
  ];
  const rate = [columnLine(view, 'learningRate', { name: t.learningRate, colour: '--c3', kind: 'line' })];
  return (
    <div>
      <ChartButtons
        onCsv={() => download(`${name.replace(/[^\w-]+/g, '-')}.csv`, csvOf(stepRows(view)), 'text/csv')}
      />
      <div class="charts">
        <Chart title={t.chartLoss} lines={loss} isLog={isLog.value} {...common} />
        <Chart title={t.chartAccuracy} lines={accuracy} isLog={false} {...common} format={formatShare} />
        <Chart title={t.chartRate} lines={rate} isLog={isLog.value} {...common} />
      </div>
    </div>
  );
}

/** Every step. */
function stepRows(view: RunView): (string | number)[][] {
  const columns = ['loss', 'trainLoss', 'trainAccuracy', 'learningRate', 'stepMs'] as const;
  const rows: (string | number)[][] = [['step', ...columns]];
  for (let i = 0; i < view.steps; i++)
    rows.push([view.firstStep + i, ...columns.map((column) => view.column(column).at(i))]);
  return rows;
}
