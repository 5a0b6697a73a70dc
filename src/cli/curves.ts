import { writeFileAtomic } from '../io/atomic-file.ts';
import { curvesSvg } from '../plot/curves.ts';
import { pngOf } from '../plot/png.ts';
import type { RunConfig } from '../train/config.ts';
import type { CurvePoint, TrainListener } from '../train/events.ts';
import type { RunFiles } from '../train/run-folder.ts';

const DRAW_EVERY_MS = 30_000;

/** Draws the curves anew with every point; between points, now and then, and at a stop, up to the step at work. */
export function drawCurves(
  files: Pick<RunFiles, 'curvesSvg' | 'curvesPng'>,
  config: RunConfig,
  history: readonly CurvePoint[],
): TrainListener {
  const points = [...history];
  const { model, data, size, batch, lr, epochs } = config;
  const title = `${model} on ${data}, ${size}×${size}, batch ${batch}, lr ${lr}`;
  let drawnAt = Number.NEGATIVE_INFINITY;
  let latest: CurvePoint | undefined;
  const draw = () => {
    const svg = curvesSvg(latest ? [...points, latest] : points, epochs, title);
    writeFileAtomic(files.curvesSvg, svg);
    writeFileAtomic(files.curvesPng, [pngOf(svg)]);
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
