import { basename, delimiter, dirname, relative } from 'node:path';
import { flagOf, SETTING_NAMES, SETTINGS } from '../train/settings/table.ts';

/** How a process was started: environment, script and arguments. */
export interface Started {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** As in `process.argv`. */
  readonly script: string;
  readonly words: readonly string[];
}

const here = (): Started => ({
  env: process.env,
  script: process.argv[1] ?? '',
  words: process.argv.slice(2),
});

/** Options that are not stored in checkpoints, so the resume command must repeat them. */
const CARRIED = SETTING_NAMES.filter((name) => SETTINGS[name].onResume === 'again').map(flagOf);

/** The command that resumes a run, in the form in which this process was started. */
export function resumeCommand(folder: string, started = here()): string {
  const { words } = started;
  const carried = words.flatMap((word, i) => {
    const [option] = word.split('=', 1) as [string];
    if (!CARRIED.includes(option)) return [];
    const value = words[i + 1];
    const hasValue = word === option && value !== undefined && !value.startsWith('--');
    return hasValue ? [word, value] : [word];
  });
  return commandLine(['train', '--resume', folder, ...carried], started);
}

/** The command that started this process, for repeating it. */
export function sameCommand(started = here()): string {
  return commandLine(started.words, started);
}

function commandLine(words: readonly string[], started: Started): string {
  return [programOf(started), ...words.map(quoted)].join(' ');
}

/** The program part of a command line. npm adds programs to PATH that a shell does not find. */
function programOf({ env, script }: Started): string {
  const { npm_lifecycle_event: event, npm_package_name: ofPackage, npm_command: command, PATH = '' } = env;
  if (ofPackage === 'densor' && (event === 'densor' || event === 'start')) return 'npm run densor --';
  if (basename(script) === 'densor') {
    if (command === 'exec' || event !== undefined) return 'npx densor';
    return PATH.split(delimiter).includes(dirname(script)) ? 'densor' : quoted(script);
  }
  const near = relative('', script);
  return `node ${quoted(near.startsWith('..') ? script : near)}`;
}

function quoted(word: string): string {
  return /^[\w.,:=/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
