import type { Engine } from '../engine/engine.ts';
import type { WeightsReport } from '../io/match-weights.ts';
import type { RunState } from '../train/checkpoint.ts';
import { describeEngine } from './engines.ts';
import { print, printJson, say } from './terminal.ts';
import { resumeCommand } from './this-command.ts';
import { reportAsJson } from './weights-report.ts';

/** Prints the results as in the notes (two lines), or the command that resumes the run. */
export function reportTraining(
  run: RunState,
  engine: Engine,
  folder: string,
  finished: boolean,
  json: boolean,
  weights?: WeightsReport,
): void {
  const { progress, last, best } = run;
  const examplesPerSecond = (1000 * progress.trainedExamples) / Math.max(progress.trainMs, Number.MIN_VALUE);
  if (json) {
    const { name, isa, threads } = engine;
    const where = {
      engine: name,
      isa,
      threads,
      out: folder,
      steps: progress.globalStep,
      finished,
      ...(weights && { weights: reportAsJson(weights) }),
    };
    const { epoch: bestEpoch = -1, testAccuracy, validationAccuracy } = best ?? {};
    const ofBest = {
      ...(best && { bestEpoch: bestEpoch + 1 }),
      bestTestAccuracy: testAccuracy,
      bestValidationAccuracy: validationAccuracy,
    };
    printJson({ ...last, ...ofBest, examplesPerSecond, ...where });
  } else if (finished && last?.testAccuracy !== undefined) {
    const { trainLoss: loss, trainAccuracy, testAccuracy } = last;
    print([
      `loss ${loss.toFixed(3)}, train acc ${trainAccuracy.toFixed(3)}, test acc ${testAccuracy.toFixed(3)}`,
      `${examplesPerSecond.toFixed(1)} examples/sec on cpu (${describeEngine(engine)})`,
    ]);
  }
  if (finished && best?.validationAccuracy !== undefined) {
    say(
      `best epoch: ${best.epoch + 1}, validation acc ${best.validationAccuracy.toFixed(3)}, ` +
        `test acc ${best.testAccuracy!.toFixed(3)}`,
    );
  }
  if (finished) return say(`checkpoints, log and curves are in ${folder}`);
  say(`saved; continue with: ${resumeCommand(folder)}`);
  process.exitCode = 1;
}
