import { type LinePoint, linesSvg } from '../../src/plot/lines.ts';
import { download } from '../app/download.ts';
import type { Line } from './chart.tsx';

/** What is seen of a chart. */
export interface PicturedChart {
  readonly title: string;
  readonly xName: string;
  readonly lines: readonly Line[];
  readonly isLog: boolean;
  readonly range: readonly [number, number];
}

const PLACES = 600;
/** Pixels of a PNG for each of the picture's own. */
const SCALE = 2;

/** Gives the visitor a chart as a file, on white. */
export async function savePicture(chart: PicturedChart, kind: 'svg' | 'png'): Promise<void> {
  const svg = svgOfChart(chart);
  const name = chart.title.replaceAll(/[\s/\\:]+/g, '-');
  if (kind === 'svg') download(`${name}.svg`, svg, 'image/svg+xml');
  else download(`${name}.png`, await pngOf(svg), 'image/png');
}

function svgOfChart({ lines, range: [from, to], ...chart }: PicturedChart): string {
  // Another document: the page's policy allows no styles in elements, which the picture has.
  const document = window.document.implementation.createHTMLDocument();
  return linesSvg(document, {
    ...chart,
    lines: lines.map(({ name, kind, colour, dash, points }) => {
      const { x, least, greatest } = points({ from, to, places: PLACES });
      const there = x.flatMap((at, i): LinePoint[] => {
        const [low, high] = [least[i], greatest[i]];
        return low == null || high == null || at < from || at > to
          ? []
          : [{ x: at, least: low, greatest: high }];
      });
      return { name, kind, dash, colour: colourOnWhite(colour), points: there };
    }),
  });
}

/** A colour of the style sheet as it is where the page is light. */
function colourOnWhite(name: string): string {
  const probe = document.createElement('div');
  probe.className = 'on-white';
  document.body.append(probe);
  const colour = getComputedStyle(probe).getPropertyValue(name).trim();
  probe.remove();
  return colour;
}

async function pngOf(svg: string): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = new OffscreenCanvas(SCALE * image.naturalWidth, SCALE * image.naturalHeight);
    canvas.getContext('2d')!.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await canvas.convertToBlob({ type: 'image/png' });
  } finally {
    URL.revokeObjectURL(url);
  }
}
