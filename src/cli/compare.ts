import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { claimFolder } from '../run/run-folder.ts';
import { pairedDifferences } from '../train/compare.ts';
import {
  EXPERIMENTS,
  type Experiment,
  type PlannedRun,
  runsOf,
  type Settings,
  withOverrides,
} from '../train/experiment.ts';
import type { PreparedRun } from '../train/prepare-run.ts';
import { comparisonFiles, openComparison, readExperimentFile, storeExperiment } from './compare-folder.ts';
import { networksText } from './compare-networks.ts';
import { type Comparison, comparisonJson, comparisonText, writeComparison } from './compare-report.ts';
import { describeNetwork, networkCosts, type Prepare, preparer, runAll } from './compare-runs.ts';
import { announce, type EngineName, openEngine } from './engines.ts';
import { UsageError } from './errors.ts';
import { interruptSignal } from './signals.ts';
import { print, printJson, say } from './terminal.ts';
import { sameCommand } from './this-command.ts';

interface CompareOptions extends Pick<Settings, 'data' | 'size' | 'batch' | 'epochs' | 'lr' | 'limit'> {
  readonly dataDir?: string;
  readonly seeds?: readonly number[];
  readonly engine: EngineName;
  readonly threads: number;
  readonly out?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export async function runCompare(source: string, given: CompareOptions): Promise<void> {
  const { data, size, batch, epochs, lr, limit, seeds } = given;
  const { name, experiment: named } = openExperiment(source);
  const wanted = withOverrides(named, { data, size, batch, epochs, lr, limit }, seeds);
  const folder = given.out ?? join('runs', `compare-${name}`);
  const { experiment, engine: engineName } = given.dryRun
    ? { experiment: wanted, engine: given.engine }
    : openComparison(folder, wanted, given.engine);
  const runs = runsOf(experiment);
  const first = runs.filter(({ seed }) => seed === experiment.seeds[0]);
  if (given.dryRun) return count(experiment, await prepareEach(first, preparer(given.dataDir)), given);
  const engine = await openEngine(engineName, given.threads);
  try {
    const prepare = preparer(given.dataDir, { target: engine.target });
    const prepared = await prepareEach(first, prepare);
    announce(engineName, engine);
    const networks = [...prepared].map(([each, run]) => describeNetwork(each, run, engine.threads));
    const claimed = claimFolder(folder, Object.values(comparisonFiles(folder)));
    try {
      storeExperiment(folder, experiment, engine.name);
      const { signal, dispose } = interruptSignal();
      const configurations = await runAll(runs, networks, prepare, { folder, engine, signal }).finally(
        dispose,
      );
      if (!configurations) return interrupted(folder, given.json ?? false);
      const differences = pairedDifferences(configurations);
      await report({ name, folder, experiment, engine, configurations, differences }, given.json ?? false);
    } finally {
      if (existsSync(comparisonFiles(folder).experiment)) claimed.release();
      else claimed.abandon([]);
    }
  } finally {
    await engine.close();
  }
}

/** Prepares all configurations before anything is written, so that errors are found early. */
async function prepareEach(
  runs: readonly PlannedRun[],
  prepare: Prepare,
): Promise<ReadonlyMap<string, PreparedRun>> {
  const prepared = new Map<string, PreparedRun>();
  for (const run of runs) {
    prepared.set(run.configuration, await prepare(run).catch(blaming(run.configuration)));
  }
  return prepared;
}

function count(
  { about }: Experiment,
  prepared: ReadonlyMap<string, PreparedRun>,
  { threads, json }: CompareOptions,
): void {
  const networks = [...prepared].map(([name, run]) => networkCosts(name, run, threads));
  if (json) printJson({ about, configurations: networks });
  else print([...networksText(networks), ...(about ? ['', ...about.split('\n')] : [])]);
}

function blaming(configuration: string): (error: Error) => never {
  return (error) => {
    throw Object.assign(error, { message: `configuration ${configuration}: ${error.message}` });
  };
}

/** Opens an experiment by name, or from a file. @throws UsageError if neither exists. */
function openExperiment(source: string): { readonly name: string; readonly experiment: Experiment } {
  const known = Object.entries(EXPERIMENTS).find(([name]) => name === source);
  if (known) return { name: source, experiment: known[1] };
  if (!existsSync(source) || !statSync(source).isFile()) {
    throw new UsageError(
      `unknown experiment ${source}: expected ${Object.keys(EXPERIMENTS).join(', ')}, or a JSON file`,
    );
  }
  return { name: basename(source).replace(/\.json$/, ''), experiment: readExperimentFile(source) };
}

async function report(comparison: Comparison, json: boolean): Promise<void> {
  await writeComparison(comparison);
  if (json) printJson(comparisonJson(comparison));
  else print(comparisonText(comparison));
  say(`report, curves and all runs are in ${comparison.folder}`);
}

function interrupted(folder: string, json: boolean): void {
  if (json) printJson({ out: folder, finished: false });
  say(`saved; continue with: ${sameCommand()}`);
  process.exitCode = 1;
}
