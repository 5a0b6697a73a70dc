import { useState } from 'preact/hooks';
import type { RunView } from '../../src/live/run-view.ts';
import { formatCount, formatNumber, formatPercent, shownName } from '../app/format.ts';
import { text } from '../text/text.ts';
import { Scroll } from './parts.tsx';
import { profileRows } from './profile-rows.ts';

/** Where the time of a step goes: by the kind of kernel, or by the part of the network. */
export function StepProfile({ profile }: { readonly profile: NonNullable<RunView['profile']> }) {
  const t = text();
  const [by, setBy] = useState<'op' | 'part'>('op');
  const rows = profileRows(profile, by);
  const ms = rows.reduce((sum, row) => sum + row.ms, 0);
  const most = Math.max(...rows.map((row) => row.ms), 1e-9);
  const nameOf = (name: string) => (by === 'part' ? t.planPart(shownName(name)) : shownName(name));
  const columns = [t.opsCalls, t.opsTime, t.opsShare, '', 'GFLOP/s', 'GB/s', t.opsIntensity];
  const perSecond = (amount: number, took: number) =>
    formatNumber(took > 0 ? amount / took / 1e6 : Number.NaN);
  return (
    <section data-testid="profile">
      <h2>{t.opsTitle}</h2>
      <p class="note">
        {t.opsStep(profile.globalStep, formatNumber(profile.stepMs), formatPercent(ms / profile.stepMs))}
      </p>
      <div class="buttons">
        {(['op', 'part'] as const).map((each) => (
          <button type="button" key={each} aria-pressed={by === each} onClick={() => setBy(each)}>
            {each === 'op' ? t.opsByKind : t.opsByPart}
          </button>
        ))}
      </div>
      <Scroll>
        <table class="layers">
          <thead>
            <tr>
              <th scope="col">{by === 'op' ? t.opsByKind : t.opsByPart}</th>
              {columns.map((name, i) => (
                <th scope="col" key={i}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.name}>
                <th scope="row">{nameOf(row.name)}</th>
                <td>{formatCount(row.calls)}</td>
                <td>{formatNumber(row.ms)} ms</td>
                <td>{formatPercent(ms > 0 ? row.ms / ms : 0)}</td>
                <td>
                  <meter min={0} max={most} value={row.ms} aria-label={nameOf(row.name)} />
                </td>
                <td>{perSecond(row.flops, row.ms)}</td>
                <td>{perSecond(row.bytes, row.ms)}</td>
                <td>{formatNumber(row.bytes > 0 ? row.flops / row.bytes : Number.NaN)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}
