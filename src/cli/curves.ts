import { writeFileAtomic } from '../io/atomic-file.ts';
import { curvesSvg } from '../plot/curves.ts';
import { pngOf } from '../plot/png.ts';
import type { RunConfig } from '../train/config.ts';
import type { CurvePoint, TrainListener } from '../train/events.ts';
import type { RunFiles } from '../train/run-folder.ts';

/** Draws the curves anew with every point. */
export function drawCurves(
  files: Pick<RunFiles, 'curvesSvg' | 'curvesPng'>,
  config: RunConfig,
  history: readonly CurvePoint[],
): TrainListener {
  const points = [...history];
  const { model, data, size, batch, lr, epochs } = config;
  const title = `${model} on ${data}, ${size}×${size}, batch ${batch}, lr ${lr}`;
  return (event) => {
    if (event.kind !== 'point') return;
    points.push(event.point);
    const svg = curvesSvg(points, epochs, title);
    writeFileAtomic(files.curvesSvg, svg);
    writeFileAtomic(files.curvesPng, [pngOf(svg)]);
  };
}
