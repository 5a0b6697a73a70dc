import { go } from '../../app/route.ts';
import { allRuns } from '../../app/runs.ts';
import { sentenceOf } from '../../app/sentence.ts';
import { listTabRuns } from '../../app/tab-source.ts';
import { filesOf } from '../../lab/classes.ts';
import { askLab, LabError } from '../../lab/client.ts';
import type { DataSource } from '../../lab/messages.ts';
import { classes, isStarting, labRun, model, runName, settings, source, trouble } from './state.ts';

/** Trains on the built-in sample, with settings that suit it. */
export async function trainSample(): Promise<void> {
  source.value = 'sample';
  settings.value = {};
  model.value = 'notes';
  await train();
}

/** Starts what is chosen, and shows its curves. */
export async function train(): Promise<void> {
  const id = `tab-${crypto.randomUUID()}`;
  const from: DataSource =
    source.value === 'sample' ? { kind: 'sample' } : { kind: 'files', files: filesOf(classes.value) };
  const name = runName.value.trim() || freeName(source.value === 'sample' ? 'sample' : 'photos');
  await underWay(async () => {
    await navigator.storage.persist?.().catch(() => false);
    await askLab('train', { id, name, source: from, model: model.value, settings: settings.value });
    return id;
  });
}

/** Goes on with a run of this browser. */
export async function resumeInTab(id: string): Promise<void> {
  await underWay(async () => {
    await askLab('resume', { id });
    return id;
  });
}

async function underWay(start: () => Promise<string>): Promise<void> {
  if (isStarting.value) return;
  isStarting.value = true;
  trouble.value = undefined;
  try {
    labRun.value = await start();
    await listTabRuns();
    go({ screen: 'run', id: labRun.value, tab: 'curves' });
  } catch (error) {
    const { message } = error as Error;
    trouble.value = {
      message: sentenceOf(message),
      setting: error instanceof LabError ? error.setting : undefined,
    };
    go({ screen: 'lab' });
  } finally {
    isStarting.value = false;
  }
}

function freeName(start: string): string {
  const names = new Set(allRuns().map(({ name }) => name));
  for (let n = 1; ; n++) if (!names.has(`${start}-${n}`)) return `${start}-${n}`;
}
