import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { changedFiles, type FolderSummary, summarize, treeOf } from './check-run.ts';
import type { Interrupt } from './fault-worker.ts';
import { engineName, LAST_FILE } from './product.ts';
import type { WorkerPool } from './worker-pool.ts';

/** A command that is hit by faults. All its files are below one folder, which is copied for each attempt. */
export interface Scenario {
  readonly name: string;
  /** Makes what must be there before. @param shared a folder for what the command only reads. */
  readonly prepare?: (pool: WorkerPool, folder: string, shared: string) => Promise<void>;
  readonly words: (folder: string, shared: string) => readonly string[];
  /** What a user does after a failure. The same command unless given. */
  readonly again?: (folder: string, shared: string) => readonly string[];
  readonly interrupt?: Interrupt;
  /** It writes to a folder that is not its own: temporary files there may be of others at work, and stay after a kill. */
  readonly isGuest?: true;
}

/** A scenario with everything that its attempts have in common. */
export interface PreparedScenario {
  readonly scenario: Scenario;
  readonly template: string;
  readonly shared: string;
  /** Calls of the undisturbed command, as `write run/last.safetensors.partial`. */
  readonly calls: readonly string[];
  /** What the undisturbed command leaves, gone on with to its end. */
  readonly reference: FolderSummary;
  /** The same without its interruption. */
  readonly least: FolderSummary;
  readonly files: ReadonlyMap<string, string>;
  /** Files that are the same in every undisturbed run, byte for byte. */
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

/** `--resume`, or from the beginning where there is no checkpoint yet. */
const goOn =
  (...more: readonly string[]) =>
  (folder: string) =>
    existsSync(join(folder, 'run', LAST_FILE)) ? resume(folder) : trainIn(...more)(folder);

function resume(folder: string): readonly string[] {
  return ['train', '--resume', join(folder, 'run'), ...engine, '--threads', '1'];
}

/** A run that was interrupted after a step. */
const interrupted =
  (interrupt: Interrupt, ...more: readonly string[]): NonNullable<Scenario['prepare']> =>
  async (pool, folder) => {
    await pool.run({ words: trainIn(...more)(folder), root: folder, interrupt });
  };

/** A finished run, in the folder for what is only read. */
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

/** Runs a scenario undisturbed, twice: what is equal then must be equal after faults. @throws where it does not work */
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
