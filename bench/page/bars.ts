import * as Plot from '@observablehq/plot';
import { newDocument } from '../../src/node/document.ts';

/** The results of all contenders in one case. */
export interface BarGroup {
  readonly title: string;
  /** The machine that measured it: groups of different machines are not comparable. */
  readonly machine: string;
  readonly bars: readonly { readonly name: string; readonly value: number; readonly isPeer: boolean }[];
}

const WIDTH = 760;
const BAR = 26;
const HEAD = 52;
const FOOT = 36;

/**
 * Plots examples per second of every contender: a group of bars per case, each with its own scale. @returns SVG
 * text.
 */
export function barsSvg(groups: readonly BarGroup[]): string {
  const document = newDocument();
  let top = 8;
  const plots = groups.map(({ title, machine, bars }) => {
    const height = HEAD + BAR * bars.length + FOOT;
    const most = bars.reduce((greatest, { value }) => Math.max(greatest, value), 0);
    const plot = Plot.plot({
      document,
      width: WIDTH,
      height,
      marginLeft: 250,
      marginRight: 60,
      marginTop: HEAD,
      marginBottom: FOOT,
      style: { fontFamily: 'DejaVu Sans, sans-serif', fontSize: '13px', background: 'white' },
      x: { label: null, domain: [0, most], grid: true, ticks: 6 },
      y: { label: null, domain: bars.map(({ name }) => name), padding: 0.2, tickSize: 0 },
      marks: [
        Plot.barX(bars, {
          x: 'value',
          y: 'name',
          fill: ({ isPeer }: BarGroup['bars'][number]) => (isPeer ? '#9a9a9a' : '#1f77b4'),
        }),
        Plot.text(bars, {
          x: 'value',
          y: 'name',
          text: ({ value }: BarGroup['bars'][number]) => value.toFixed(value < 100 ? 1 : 0),
          textAnchor: 'start',
          dx: 6,
        }),
        Plot.ruleX([0]),
        Plot.text([title], {
          frameAnchor: 'top-left',
          dx: -180,
          dy: -44,
          fontSize: 13,
          fontWeight: 'bold',
        }),
        Plot.text([machine], { frameAnchor: 'top-left', dx: -180, dy: -26, fontSize: 12 }),
      ],
    });
    plot.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
    plot.setAttribute('y', `${top}`);
    top += height;
    return plot.outerHTML;
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${top}" viewBox="0 0 ${WIDTH} ${top}">` +
    `<rect width="100%" height="100%" fill="white"/>${plots.join('')}</svg>`
  );
}
