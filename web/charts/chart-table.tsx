import { useState } from 'preact/hooks';
import { formatNumber } from '../app/format.ts';
import { text } from '../text/text.ts';
import type { ChartProps } from './chart.tsx';

const TABLE_ROWS = 20;

/** The points of a chart as numbers. */
export function ChartTable({ lines, extent, xName, format = formatNumber }: ChartProps) {
  const [isOpen, setOpen] = useState(false);
  const [from, to] = extent;
  return (
    <details onToggle={(event) => setOpen((event.currentTarget as HTMLDetailsElement).open)}>
      <summary>{text().asTable}</summary>
      {isOpen &&
        lines.map((line) => {
          const { x, greatest } = line.points({ from, to, places: TABLE_ROWS });
          return (
            <table key={line.name}>
              <thead>
                <tr>
                  <th scope="col">{xName}</th>
                  <th scope="col">{line.name}</th>
                </tr>
              </thead>
              <tbody>
                {x.map((at, i) => (
                  <tr key={at}>
                    <td>{formatNumber(at)}</td>
                    <td>{greatest[i] == null ? '–' : format(greatest[i]!)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          );
        })}
    </details>
  );
}
