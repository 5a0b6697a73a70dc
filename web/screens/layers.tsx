import { formatNumber, shownName } from '../app/format.ts';
import { text } from '../text/text.ts';
import { Empty, Scroll } from './parts.tsx';
import type { TabProps } from './run.tsx';

/** Typical sizes of weights: one that grows without bound, or dies, is seen here first. */
export function LayersTab({ view }: TabProps) {
  const t = text();
  const [first, last] = [view.tensors[0], view.tensors.at(-1)];
  if (!first || !last) return <Empty>{t.layersEmpty}</Empty>;
  const most = Math.max(...last.rms, 1e-12);
  return (
    <div>
      <h2>{t.layersTitle}</h2>
      <Scroll>
        <table class="layers">
          <thead>
            <tr>
              {[t.layerName, t.layerRms, '', t.layerLargest, t.layerChange].map((name, i) => (
                <th scope="col" key={i}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {last.names.map((name, i) => {
              const [rms, before] = [last.rms[i] ?? 0, first.rms[i] ?? 0];
              return (
                <tr key={name}>
                  <th scope="row">{shownName(name)}</th>
                  <td>{formatNumber(rms)}</td>
                  <td>
                    <meter min={0} max={most} value={rms} aria-label={shownName(name)} />
                  </td>
                  <td>{formatNumber(last.largest[i])}</td>
                  <td>
                    {before > 0
                      ? `${rms >= before ? '+' : ''}${(100 * (rms / before - 1)).toFixed(0)} %`
                      : '–'}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
    </div>
  );
}
