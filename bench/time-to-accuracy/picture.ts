import * as Plot from '@observablehq/plot';
import { newDocument } from '../../src/node/document.ts';

/** The accuracy after an epoch, and the time since the start of the run in seconds. */
export interface Reading {
  readonly epoch: number;
  readonly seconds: number;
  readonly testAccuracy: number;
}

interface Run {
  readonly recipe: string;
  readonly seed: string;
  readonly readings: readonly Reading[];
}

/**
 * Plots the test accuracy of every run by time in minutes, with a color per recipe and the target as a line.
 * @returns SVG text.
 */
export function accuracyOverTimeSvg(runs: readonly Run[], target: number): string {
  const document = newDocument();
  const points = runs.flatMap(({ recipe, seed, readings }) =>
    readings.map(({ seconds, testAccuracy }) => ({
      recipe,
      run: `${recipe} ${seed}`,
      minutes: seconds / 60,
      testAccuracy,
    })),
  );
  const at = { x: 'minutes', y: 'testAccuracy', stroke: 'recipe', z: 'run' } as const;
  const plot = Plot.plot({
    document,
    width: 760,
    height: 400,
    marginLeft: 54,
    marginTop: 40,
    marginRight: 90,
    marginBottom: 40,
    style: { fontFamily: 'DejaVu Sans, sans-serif', fontSize: '13px', background: 'white' },
    x: { label: 'minutes', labelArrow: 'none', zero: true, grid: true, ticks: 8 },
    y: { label: 'test accuracy', labelArrow: 'none', nice: true, grid: true, ticks: 6 },
    color: { type: 'categorical', range: ['#1f77b4', '#d2601a', '#2a8f3c', '#c33fa0'] },
    marks: [
      Plot.ruleY([target], { stroke: '#b3261e', strokeDasharray: '5 4' }),
      Plot.text([target], {
        y: (value: number) => value,
        frameAnchor: 'right',
        dx: 44,
        text: String,
        fill: '#b3261e',
      }),
      Plot.line(points, at),
      Plot.dot(points, { ...at, fill: 'recipe', r: 2.5 }),
      // Labels each recipe at the end of its longest run.
      Plot.text(
        points,
        Plot.selectMaxX({
          x: 'minutes',
          y: 'testAccuracy',
          z: 'recipe',
          text: 'recipe',
          fill: 'recipe',
          textAnchor: 'start',
          dx: 8,
        }),
      ),
    ],
  });
  plot.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return plot.outerHTML;
}
