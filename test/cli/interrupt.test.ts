import { expect, test } from 'vitest';
import { resumeCommand } from '../../src/cli/interrupt.ts';

test('the command that continues a run has what its checkpoint does not hold', () => {
  const words =
    'train --data cifar10 --data-dir my/cifar --memory-limit=2GiB --epochs 3 --strict --threads 4 --json';
  expect(resumeCommand('runs/a b', words.split(' '))).toMatch(
    /(densor|npm run densor --) train --resume 'runs\/a b' --data-dir my\/cifar --memory-limit=2GiB --strict --threads 4 --json$/,
  );
  expect(resumeCommand('run', ['train', '--resume', 'run'])).toMatch(/ train --resume run$/);
});
