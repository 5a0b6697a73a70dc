import { newDocument } from '../node/document.ts';
import { writeFileAtomic } from '../node/files.ts';
import { pngOf } from '../node/png.ts';
import { curvesSvg } from '../plot/curves.ts';
import type { RunConfig } from '../train/config.ts';
import type { CurvePoint, TrainListener } from '../train/events.ts';
import type { RunFiles } from './run-folder.ts';

const DRAW_EVERY_MS = 30_000;
/** Maximum fraction of the run's time spent on drawing, which matters with short epochs. */
const DRAWING_SHARE = 0.05;

/** Writes the training curves as SVG and PNG. */
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

/**
 * Redraws the curves after every point, within the time limit; occasionally between points, up to the current
 * step; and when the run ends or stops.
 */
export function drawCurves(
  files: Pick<RunFiles, 'curvesSvg' | 'curvesPng'>,
  config: RunConfig,
  history: readonly CurvePoint[],
): TrainListener {
  const points = [...history];
  let [drawnAt, drawingMs] = [Number.NEGATIVE_INFINITY, 0];
  let latest: CurvePoint | undefined;
  const draw = () => {
    const startedAt = performance.now();
    writeCurves(files, config, latest ? [...points, latest] : points);
    drawnAt = performance.now();
    drawingMs = drawnAt - startedAt;
  };
  const isDue = (everyMs: number) => performance.now() - drawnAt > everyMs;
  return (event) => {
    if (event.kind === 'point') {
      points.push(event.point);
      latest = undefined;
      if (isDue(drawingMs / DRAWING_SHARE)) draw();
    } else if (event.kind === 'step') {
      const { trainLoss, trainAccuracy, learningRate } = event;
      const epoch = event.epoch + event.step / event.stepsPerEpoch;
      latest = { epoch, trainLoss, trainAccuracy, learningRate };
      if (isDue(DRAW_EVERY_MS)) draw();
    } else if (event.kind === 'stopped' || event.kind === 'end') draw();
  };
}
