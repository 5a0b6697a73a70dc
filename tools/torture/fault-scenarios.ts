import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { changedFiles, type FolderSummary, summarize, treeOf } from './check-run.ts';
import type { Interrupt } from './fault-worker.ts';
import { engineName, LAST_FILE } from './product.ts';
import type { WorkerPool } from './worker-pool.ts';

/** A command to inject faults into. All its files are below one folder, which is copied for each attempt. */
export interface Scenario {
  readonly name: string;
  /** Creates the initial files. @param shared folder for files that the command only reads. */
  readonly prepare?: (pool: WorkerPool, folder: string, shared: string) => Promise<void>;
  readonly words: (folder: string, shared: string) => readonly string[];
  /** The command that a user would run after a failure. Default: the same command. */
  readonly again?: (folder: string, shared: string) => readonly string[];
  readonly interrupt?: Interrupt;
  /**
   * The command writes to a folder that other processes may use, so temporary files of killed processes are not
   * removed.
   */
  readonly isGuest?: true;
}

/** A scenario with the data shared by its attempts. */
export interface PreparedScenario {
  readonly scenario: Scenario;
  readonly template: string;
  readonly shared: string;
  /** Calls of the command without faults, such as `write run/last.safetensors.partial`. */
  readonly calls: readonly string[];
  /** The final result without faults. */
  readonly reference: FolderSummary;
  /** The same without the planned interruption. */
  readonly least: FolderSummary;
  readonly files: ReadonlyMap<string, string>;
  /** Files that are bit-identical in all runs without faults. */
  readonly exact: readonly string[];
}

export const TINY: readonly string[] =
  '--model densenet-bc-10-4 --data sample --size 8 --batch 16 --limit 32 --epochs 2 --lr 0.1 --threads 1'.split(
    ' ',
  );

const engine = ['--engine', engineName()];
const trainIn =
  (...more: readonly string[]) =>
  (folder: string) => ['train', ...TINY, ...more, ...engine, '--out', join(folder, 'run')];

/** Resumes a run, or starts it again if there is no checkpoint. */
const goOn =
  (...more: readonly string[]) =>
  (folder: string) =>
    existsSync(join(folder, 'run', LAST_FILE)) ? resume(folder) : trainIn(...more)(folder);

function resume(folder: string): readonly string[] {
  return ['train', '--resume', join(folder, 'run'), ...engine, '--threads', '1'];
}

/** Prepares a run that was interrupted after a step. */
const interrupted =
  (interrupt: Interrupt, ...more: readonly string[]): NonNullable<Scenario['prepare']> =>
  async (pool, folder) => {
    await pool.run({ words: trainIn(...more)(folder), root: folder, interrupt });
  };

/** Prepares a finished run in the shared folder. */
async function finished(pool: WorkerPool, _: string, shared: string): Promise<void> {
  await pool.run({ words: trainIn()(shared), root: shared });
}

export const SCENARIOS: readonly Scenario[] = [
  { name: 'train-fresh', words: trainIn(), again: goOn() },
  {
    name: 'train-resumed',
    prepare: interrupted({ step: 1, when: 'at once' }),
    words: resume,
  },
  {
    name: 'train-interrupted',
    words: trainIn(),
    again: goOn(),
    interrupt: { step: 2, when: 'later' },
  },
  {
    name: 'final-test',
    prepare: interrupted({ step: 3, when: 'at once' }, '--validate', '0.2'),
    words: resume,
  },
  {
    name: 'compare',
    prepare: async (_, __, shared) => {
      const common = { model: 'densenet-bc-10-4', data: 'sample', size: 8, batch: 16, limit: 16, epochs: 1 };
      const experiment = { common, configurations: { a: { lr: 0.1 }, b: { lr: 0.2 } }, seeds: [0] };
      writeFileSync(join(shared, 'experiment.json'), JSON.stringify(experiment));
    },
    words: (folder, shared) => [
      ...['compare', join(shared, 'experiment.json'), ...engine, '--threads', '1'],
      ...['--out', join(folder, 'compared')],
    ],
  },
  {
    name: 'import',
    prepare: async (pool, folder, shared) => {
      await finished(pool, folder, shared);
      const file = join(shared, 'weights.safetensors');
      await pool.run({ words: ['export', join(shared, 'run'), '--safetensors', file], root: shared });
    },
    words: (folder, shared) => [
      ...['import', join(shared, 'weights.safetensors'), '--model', 'densenet-bc-10-4'],
      ...['--out', join(folder, 'run')],
    ],
  },
  {
    name: 'export',
    isGuest: true,
    prepare: async (pool, folder, shared) => {
      await finished(pool, folder, shared);
      for (const name of ['m.onnx', 'm.safetensors']) {
        const words = [
          'export',
          join(shared, 'run'),
          '--checkpoint',
          'best',
          '--safetensors',
          join(folder, name),
        ];
        await pool.run({ words, root: folder });
      }
    },
    words: (folder, shared) => [
      ...['export', join(shared, 'run'), '--onnx', join(folder, 'm.onnx')],
      ...['--safetensors', join(folder, 'm.safetensors')],
    ],
  },
];

/**
 * Runs a scenario twice without faults; properties that are equal must also be equal after faults. @throws if it
 * fails
 */
export async function prepareScenario(
  pool: WorkerPool,
  scenario: Scenario,
  scratch: string,
): Promise<PreparedScenario> {
  const at = (name: string) => join(scratch, `${scenario.name}-${name}`);
  const [template, shared] = [at('before'), at('shared')];
  for (const folder of [template, shared]) mkdirSync(folder, { recursive: true });
  await scenario.prepare?.(pool, template, shared);
  const undisturbed = async (name: string, interrupt: Interrupt | undefined) => {
    const folder = at(name);
    cpSync(template, folder, { recursive: true });
    const answer = await pool.run({ words: scenario.words(folder, shared), root: folder, interrupt });
    if (typeof answer === 'string') throw new Error(`${scenario.name} undisturbed: ${answer}`);
    if (answer.status !== (interrupt ? 1 : 0))
      throw new Error(`${scenario.name} undisturbed: ${answer.stderr}`);
    if (interrupt) {
      const rest = await pool.run({ words: scenario.again!(folder, shared), root: folder });
      if (typeof rest === 'string' || rest.status !== 0) throw new Error(`${scenario.name} does not go on`);
    }
    return { answer, folder, summary: summarize(folder), files: treeOf(folder) };
  };
  const one = await undisturbed('undisturbed', scenario.interrupt);
  const two = await undisturbed('without-interrupt', undefined);
  const differing = changedFiles(one.files, two.files);
  return {
    ...{ scenario, template, shared, calls: one.answer.calls, reference: one.summary, least: two.summary },
    files: one.files,
    exact: one.summary.files.filter((file) => !differing.includes(file)),
  };
}
