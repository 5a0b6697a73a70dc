import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { formatNumber } from '../app/format.ts';
import { colourOf, isDark } from '../app/theme.ts';
import { text } from '../text/text.ts';
import { extentOf, type Points, type Stretch } from './chart-data.ts';
import { ChartTable } from './chart-table.tsx';

/** A line, or a band between the least and the greatest. */
export interface Line {
  readonly name: string;
  /** A custom property of the style sheet. */
  readonly colour: string;
  readonly dash?: readonly number[];
  readonly kind: 'line' | 'band' | 'dots';
  points(stretch: Stretch): Points;
}

export interface ChartProps {
  readonly title: string;
  /** What the title is of: a run, or several. It is told in the chart's picture. */
  readonly subject?: string;
  readonly lines: readonly Line[];
  /** The whole x axis. */
  readonly extent: readonly [number, number];
  readonly xName: string;
  /** Changes when there is something new to draw. */
  readonly version: unknown;
  readonly isLog: boolean;
  /** Grows when the whole run is asked for. */
  readonly resets: number;
  readonly format?: (value: number) => string;
}

const HEIGHT = 240;

/** A chart that is drawn by what can be seen of it, read by keys, and told in a sentence and a table. */
export function Chart(props: ChartProps) {
  const { title, subject, lines, extent, xName, isLog, resets, format = formatNumber } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const zoom = useRef<readonly [number, number] | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const [said, say] = useState('');
  const t = text();

  /** Asks the lines for what is seen now. */
  const draw = () => {
    const made = plot.current;
    if (!made) return;
    const [from, to] = zoom.current ?? latest.current.extent;
    const places = Math.max(60, Math.floor(made.bbox.width / devicePixelRatio / 1.5));
    const tables = latest.current.lines.map((line): uPlot.AlignedData => {
      const { x, least, greatest } = line.points({ from, to, places });
      return [x as number[], least as number[], greatest as number[]];
    });
    const some = tables.filter(([x]) => x.length > 0);
    const empty: uPlot.AlignedData = [[], ...tables.flatMap(() => [[], []])] as unknown as uPlot.AlignedData;
    const data = some.length === 0 ? empty : uPlot.join(tables);
    made.batch(() => {
      made.setData(data, false);
      made.setScale('x', { min: from, max: Math.max(to, from + 1e-9) });
      made.setScale('y', rangeOf(data, from, to, latest.current.isLog));
    });
  };

  useEffect(() => {
    const element = place.current!;
    const muted = colourOf('--muted');
    const grid = { stroke: colourOf('--line'), width: 1 };
    const axis = { stroke: muted, grid, ticks: grid, font: '12px system-ui, sans-serif' };
    const made = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        padding: [8, 8, 0, 0],
        cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
        scales: { x: { time: false, auto: false }, y: { auto: false, distr: isLog ? 3 : 1, log: 10 } },
        axes: [
          { ...axis, size: 34, values: (_, ticks) => ticks.map((tick) => formatNumber(tick)) },
          {
            ...axis,
            size: 62,
            values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : format(tick))),
          },
        ],
        series: [{}, ...lines.flatMap((line) => seriesOf(line, format))],
        bands: lines.flatMap((line, i) =>
          line.kind === 'band'
            ? [{ series: [2 * i + 2, 2 * i + 1] as [number, number], fill: withAlpha(colourOf(line.colour)) }]
            : [],
        ),
        hooks: {
          setSelect: [
            (self) => {
              const { left, width } = self.select;
              if (width < 4) return;
              zoom.current = [self.posToVal(left, 'x'), self.posToVal(left + width, 'x')];
              self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              draw();
            },
          ],
          setCursor: [(self) => say(readingAt(self, latest.current))],
        },
      },
      [[], ...lines.flatMap(() => [[], []])] as unknown as uPlot.AlignedData,
      element,
    );
    plot.current = made;
    const whole = () => {
      zoom.current = undefined;
      draw();
    };
    made.over.addEventListener('dblclick', whole);
    const sizes = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height: HEIGHT });
      draw();
    });
    sizes.observe(element);
    draw();
    return () => {
      sizes.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [isLog, lines.map(({ name, colour, kind }) => `${name}${colour}${kind}`).join(), xName, isDark.value]);

  useEffect(draw, [props.version, extent[0], extent[1]]);
  useEffect(() => {
    zoom.current = undefined;
    draw();
  }, [resets]);

  const walk = (event: KeyboardEvent) => {
    const made = plot.current;
    const xs = made?.data[0] ?? [];
    if (!made || xs.length === 0) return;
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -xs.length, End: xs.length }[
      event.key
    ];
    if (by === undefined) return;
    event.preventDefault();
    const index = Math.min(xs.length - 1, Math.max(0, (made.cursor.idx ?? xs.length - 1) + by));
    const value = made.data.slice(1).find((series) => series[index] != null)?.[index];
    const top = value == null ? 0 : made.valToPos(value, 'y');
    made.setCursor({ left: made.valToPos(xs[index]!, 'x'), top });
  };

  const save = async (kind: 'svg' | 'png') => {
    const chart = { title: subject ? `${title} · ${subject}` : title, xName, lines, isLog };
    try {
      const { savePicture } = await import('./picture.ts');
      await savePicture({ ...chart, range: zoom.current ?? extent }, kind);
    } catch (error) {
      say((error as Error).message);
    }
  };
  const sentences = sentencesOf(lines, extent, format);
  return (
    <figure class="chart">
      <figcaption>
        <h3>{title}</h3>
        <ul class="legend">
          {lines.map(({ name, colour, kind, dash }) => (
            <li key={name}>
              <svg width="22" height="10" aria-hidden="true">
                <line
                  x1="0"
                  x2="22"
                  y1="5"
                  y2="5"
                  stroke={`var(${colour})`}
                  stroke-width={kind === 'band' ? 6 : 2.5}
                  stroke-opacity={kind === 'band' ? 0.45 : 1}
                  stroke-dasharray={dash?.join(' ') ?? ''}
                />
              </svg>
              {name}
            </li>
          ))}
        </ul>
      </figcaption>
      <div
        class="plot"
        ref={place}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: points are read with the arrow keys.
        tabIndex={0}
        role="application"
        aria-label={`${title}. ${sentences.join('. ')}. ${t.chartKeys}`}
        onKeyDown={walk}
      />
      <output class="reading">{said || (sentences.length === 0 ? t.chartEmpty : '\u00a0')}</output>
      <div class="under">
        <ChartTable {...props} format={format} />
        <span class="buttons">
          {(['svg', 'png'] as const).map((kind) => (
            <button
              type="button"
              key={kind}
              data-testid={`save-${kind}`}
              aria-label={`${t.savePicture}: ${title}, ${kind.toUpperCase()}`}
              title={t.savePicture}
              onClick={() => void save(kind)}
            >
              {kind.toUpperCase()}
            </button>
          ))}
        </span>
      </div>
    </figure>
  );
}

function seriesOf({ name, colour, dash, kind }: Line, format: (value: number) => string): uPlot.Series[] {
  const stroke = colourOf(colour);
  const value = (_: uPlot, number: number | null) => (number === null ? '' : format(number));
  const line: uPlot.Series = {
    label: name,
    stroke,
    width: kind === 'band' ? 1 : 2,
    spanGaps: true,
    value,
    points: { show: kind === 'dots', size: 6, fill: stroke },
    ...(dash && { dash: [...dash] }),
  };
  return [line, { ...line, points: { show: false }, ...(kind !== 'band' && { show: false }) }];
}

function withAlpha(colour: string): string {
  return `color-mix(in srgb, ${colour} 33%, transparent)`;
}

function rangeOf(
  data: uPlot.AlignedData,
  from: number,
  to: number,
  isLog: boolean,
): { min: number; max: number } {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const xs = data[0];
  for (const series of data.slice(1)) {
    for (let i = 0; i < xs.length; i++) {
      const value = series[i];
      if (value == null || xs[i]! < from || xs[i]! > to || (isLog && value <= 0)) continue;
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  if (min > max) return { min: isLog ? 0.1 : 0, max: 1 };
  if (isLog) return { min: min * 0.9, max: max * 1.1 };
  const margin = (max - min || Math.abs(max) || 1) * 0.06;
  return { min: min - margin, max: max + margin };
}

/** What stands under the cursor. */
function readingAt({ cursor, data }: uPlot, { lines, xName, format = formatNumber }: ChartProps): string {
  const { idx } = cursor;
  if (idx == null || data[0][idx] === undefined) return '';
  const parts = lines.flatMap(({ name, kind }, i) => {
    const [least, greatest] = [data[2 * i + 1]?.[idx], data[2 * i + 2]?.[idx]];
    if (least == null) return [];
    const both = kind === 'band' && greatest != null && greatest !== least;
    return [`${name} ${format(least)}${both ? `–${format(greatest)}` : ''}`];
  });
  return [`${xName} ${formatNumber(data[0][idx])}`, ...parts].join(' · ');
}

function sentencesOf(
  lines: readonly Line[],
  [from, to]: readonly [number, number],
  format: (value: number) => string,
): readonly string[] {
  const t = text();
  return lines.flatMap(({ name, points }) => {
    const extent = extentOf(points({ from, to, places: 60 }).greatest);
    if (!extent) return [];
    const { first, last, least, greatest } = extent;
    return [t.chartSummary(name, format(first), format(last), format(least), format(greatest))];
  });
}
