import { spawnSync } from 'node:child_process';

/** Debian's Python, which uses Debian's packages. */
const PYTHON = '/usr/bin/python3';

/** Why Python or one of the modules is unavailable; undefined if all are available. */
export function missingFromPython(...modules: readonly string[]): string | undefined {
  const { error, status } = spawnSync(PYTHON, ['-c', `import ${modules.join(', ')}`]);
  if (error) return `${PYTHON} is not here`;
  return status === 0 ? undefined : `${PYTHON} lacks one of ${modules.join(', ')}`;
}

/** Runs a script and returns the JSON that it prints. */
export function python(script: string, ...args: readonly string[]): Record<string, unknown> {
  const { status, stdout, stderr } = spawnSync(PYTHON, [script, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${script} failed: ${stderr}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}
