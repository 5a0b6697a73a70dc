import { newDocument } from '../node/document.ts';
import { writeFileAtomic } from '../node/files.ts';
import { pngOf } from '../node/png.ts';
import { curvesSvg } from '../plot/curves.ts';
import type { RunConfig } from '../train/config.ts';
import type { CurvePoint, TrainListener } from '../train/events.ts';
import type { RunFiles } from './run-folder.ts';

const DRAW_EVERY_MS = 30_000;

/** Writes the curves of a run as SVG and PNG. */
export function writeCurves(
  files: Pick<RunFiles, 'curvesSvg' | 'curvesPng'>,
  { model, data, size, batch, lr, epochs }: RunConfig,
  points: readonly CurvePoint[],
): void {
  const svg = curvesSvg(
    newDocument(),
    points,
    epochs,
    `${model} on ${data}, ${size}×${size}, batch ${batch}, lr ${lr}`,
  );
  writeFileAtomic(files.curvesSvg, svg);
  writeFileAtomic(files.curvesPng, [pngOf(svg)]);
}

/** Draws the curves anew with every point; between points, now and then, and at a stop, up to the step at work. */
export function drawCurves(
  files: Pick<RunFiles, 'curvesSvg' | 'curvesPng'>,
  config: RunConfig,
  history: readonly CurvePoint[],
): TrainListener {
  const points = [...history];
  let drawnAt = Number.NEGATIVE_INFINITY;
  let latest: CurvePoint | undefined;
  const draw = () => {
    writeCurves(files, config, latest ? [...points, latest] : points);
    drawnAt = performance.now();
  };
  return (event) => {
    if (event.kind === 'point') {
      points.push(event.point);
      latest = undefined;
      draw();
    } else if (event.kind === 'step') {
      const { trainLoss, trainAccuracy, learningRate } = event;
      const epoch = event.epoch + event.step / event.stepsPerEpoch;
      latest = { epoch, trainLoss, trainAccuracy, learningRate };
      if (performance.now() - drawnAt > DRAW_EVERY_MS) draw();
    } else if (event.kind === 'stopped') draw();
  };
}
