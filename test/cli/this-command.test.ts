import { describe, expect, test } from 'vitest';
import { resumeCommand, sameCommand } from '../../src/cli/this-command.ts';

const words = (line: string) => line.split(' ');
const direct = { env: { PATH: '/bin:/usr/local/bin' }, script: '/usr/local/bin/densor' };

describe('the command that resumes a run', () => {
  test('has the options that its checkpoint does not contain', () => {
    const line =
      'train --data cifar10 --data-dir my/cifar --memory-limit=2GiB --epochs 3 --strict --threads 4 --json --engine wasm';
    expect(resumeCommand('runs/a b', { ...direct, words: words(line) })).toBe(
      "densor train --resume 'runs/a b' --data-dir my/cifar --memory-limit=2GiB --strict --threads 4 --json",
    );
    const again = { ...direct, words: words('train --resume run --data folder:elsewhere') };
    expect(resumeCommand('run', again)).toBe('densor train --resume run');
  });

  const npm = { npm_package_name: 'densor', npm_command: 'run-script' };
  test.each([
    ['from the PATH', direct, 'densor'],
    ['from a folder that is on no PATH', { ...direct, env: { PATH: '/bin' } }, '/usr/local/bin/densor'],
    [
      'by npm start',
      { env: { ...npm, npm_lifecycle_event: 'start' }, script: '/densor/dist/src/cli/main.js' },
      'npm run densor --',
    ],
    ['by npm run densor', { ...direct, env: { ...npm, npm_lifecycle_event: 'densor' } }, 'npm run densor --'],
    [
      'by npx in a folder without a package',
      { ...direct, env: { npm_command: 'exec', npm_lifecycle_event: 'npx' } },
      'npx densor',
    ],
    [
      "by a script of the user's own package",
      {
        ...direct,
        env: { npm_package_name: 'photos', npm_command: 'run-script', npm_lifecycle_event: 'train' },
      },
      'npx densor',
    ],
    [
      'as a file',
      {
        env: { npm_command: 'exec', npm_lifecycle_event: 'npx' },
        script: `${process.cwd()}/dist/src/cli/main.js`,
      },
      'node dist/src/cli/main.js',
    ],
    ['as a file elsewhere', { env: {}, script: '/opt/my densor/main.js' }, "node '/opt/my densor/main.js'"],
  ])('is typed as the program was started: %s', (_, started, program) => {
    const all = { ...started, words: words('compare pooling --seeds 0,1') };
    expect(sameCommand(all)).toBe(`${program} compare pooling --seeds 0,1`);
  });
});
