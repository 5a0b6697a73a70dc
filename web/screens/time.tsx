import { formatDuration, formatNumber, formatPercent } from '../app/format.ts';
import { Chart } from '../charts/chart.tsx';
import { text } from '../text/text.ts';
import { columnLine, extentOfRun, isSmooth, resets } from './curves.tsx';
import { CommandLine, Empty } from './parts.tsx';
import { restPerEpoch, type TabProps } from './run.tsx';
import { StepProfile } from './step-profile.tsx';

export function TimeTab({ view, version }: TabProps) {
  const t = text();
  const { start, steps, epochs, profile } = view;
  if (!start || steps === 0) return <Empty>{t.timeEmpty}</Empty>;
  let stepMs = 0;
  for (let i = 0; i < steps; i++) stepMs += view.column('stepMs').at(i) || 0;
  const restMs = restPerEpoch(view) * epochs.length;
  const rows = [
    [t.timeSteps, stepMs],
    [t.timeRest, restMs],
  ] as const;
  const line = columnLine(view, 'stepMs', { name: t.timeTitle, colour: '--c3', kind: 'band' });
  const mean = columnLine(view, 'stepMs', { name: t.smooth, colour: '--c3', kind: 'line' }, true);
  const { model, config } = start;
  return (
    <div>
      <table>
        <tbody>
          {rows.map(([name, ms]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{formatDuration(ms)}</td>
              <td>{formatPercent(ms / Math.max(1, stepMs + restMs))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="note">{t.timePerSecond(formatNumber((1000 * start.batch * steps) / Math.max(1, stepMs)))}</p>
      <Chart
        title={t.timeTitle}
        lines={isSmooth.value ? [line, mean] : [line]}
        extent={extentOfRun(view)}
        xName={t.axisEpoch}
        version={version}
        isLog={false}
        resets={resets.value}
        format={(ms) => `${formatNumber(ms)} ms`}
      />
      {profile ? <StepProfile profile={profile} /> : <p class="note">{t.opsEmpty}</p>}
      <p class="note">{t.timeProfile}</p>
      <CommandLine>{`densor profile --model ${/^[\w-]+$/.test(model) ? model : 'notes'} --size ${config.size ?? 96} --batch ${start.batch}`}</CommandLine>
    </div>
  );
}
