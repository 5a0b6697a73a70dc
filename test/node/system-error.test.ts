import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { describeFailure } from '../../src/cli/errors.ts';
import { systemCode, systemFailure } from '../../src/node/system-error.ts';
import { forgetChanges, noteChange } from '../../src/node/written.ts';

/** A system error as thrown by Node. */
function systemError(code: string, errno = -(constants.errno as Record<string, number>)[code]!): Error {
  const message = `${code}: what libuv says of it, write`;
  return Object.assign(new Error(message), { code, errno, syscall: 'write', path: 'run/log.jsonl' });
}

describe("a system's error", () => {
  test.each([
    ['ENOSPC', /^run\/log\.jsonl: the disk is full \(ENOSPC\): free some room or choose another place$/],
    ['EDQUOT', /quota is used up \(EDQUOT\): free some room/],
    ['EIO', /input\/output error \(EIO\): check the disk/],
    ['EMFILE', /too many open files \(EMFILE\): raise the limit \(ulimit -n\)/],
    ['ESTALE', /file server no longer knows this file \(ESTALE\)/],
    ['ENAMETOOLONG', /the name is too long \(ENAMETOOLONG\): choose a shorter one/],
    ['EROFS', /the disk is read-only \(EROFS\): choose another place/],
    ['EACCES', /no permission \(EACCES\)$/],
  ])('%s names the file, the reason and the remedy', (code, line) => {
    forgetChanges();
    expect(describeFailure(systemError(code))).toEqual({ status: 2, line: expect.stringMatching(line) });
    noteChange('run/log.jsonl');
    expect(describeFailure(systemError(code)).status).toBe(1);
    forgetChanges();
  });

  test.runIf(process.platform === 'linux')(
    'that libuv has no name for has the one that the system has',
    () => {
      for (const [errno, code] of [
        [-122, 'EDQUOT'],
        [-116, 'ESTALE'],
        [-117, 'EUCLEAN'],
        [-9999, 'error 9999'],
      ] as const) {
        const error = systemError('UNKNOWN', errno);
        expect(systemCode(error)).toBe(code);
        expect(describeFailure(error).line).not.toMatch(/unexpected|UNKNOWN/);
      }
    },
  );

  test('of any kind is never reported as unexpected', () => {
    forgetChanges();
    for (const code of Object.keys(constants.errno)) {
      const { line, status } = describeFailure(systemError(code));
      expect(line).toMatch(new RegExp(`^run/log\\.jsonl: .+ \\(${code}\\)`));
      expect(status).toBe(2);
    }
    expect(systemFailure(new Error('other'))).toBeUndefined();
    expect(systemFailure(Object.assign(new Error('other'), { code: 'ERR_ASSERTION' }))).toBeUndefined();
    expect(systemFailure(undefined)).toBeUndefined();
  });
});
