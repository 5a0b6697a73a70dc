/** Names of errors that libuv reports as UNKNOWN, by errno. */
const UNNAMED: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  linux: { 37: 'ENOLCK', 116: 'ESTALE', 117: 'EUCLEAN', 121: 'EREMOTEIO', 122: 'EDQUOT', 123: 'ENOMEDIUM' },
  darwin: { 69: 'EDQUOT', 70: 'ESTALE', 77: 'ENOLCK' },
};

const ROOM = 'free some room or choose another place';
const DISK = 'check the disk and its connection (the system log says more), or choose another place';

/** Explanations of file system errors, with remedies. */
const WORDS: Readonly<Record<string, readonly [reason: string, remedy?: string]>> = {
  EACCES: ['no permission'],
  EAGAIN: ['the file is busy', 'try again'],
  EBADF: ['the file is not open for this'],
  EBUSY: ['in use by the system', 'try again'],
  EDQUOT: ['the disk quota is used up', ROOM],
  EEXIST: ['is there already, and is not a folder', 'choose another place'],
  EFBIG: ['the file would be larger than the system allows', ROOM],
  EHOSTDOWN: ['the file server does not answer', DISK],
  EINTR: ['interrupted by a signal', 'try again'],
  EINVAL: ['the file system does not support this', 'choose another place'],
  EIO: ['input/output error', DISK],
  EISDIR: ['is a folder', 'name a file'],
  ELOOP: ['a symbolic link that leads nowhere or in a circle', 'remove it or choose another place'],
  EMFILE: ['too many open files', 'raise the limit (ulimit -n)'],
  ENAMETOOLONG: ['the name is too long', 'choose a shorter one'],
  ENFILE: ['too many open files on this machine', 'close other programs'],
  ENODEV: ['the device is gone', DISK],
  ENOENT: ['does not exist'],
  ENOLCK: ['the file system has no locks left', 'try again or choose another place'],
  ENOMEDIUM: ['there is no disk in the drive', DISK],
  ENOMEM: ['the system has no memory left', 'close other programs'],
  ENOSPC: ['the disk is full', ROOM],
  ENOTDIR: ['a part of the path is not a folder', 'choose another place'],
  ENOTEMPTY: ['the folder is not empty', 'choose another place'],
  ENOTSUP: ['the file system does not support this', 'choose another place'],
  ENXIO: ['no program reads from this pipe', 'start its reader first'],
  EPERM: ['no permission'],
  EREMOTEIO: ['input/output error on the file server', DISK],
  EROFS: ['the disk is read-only', 'choose another place'],
  ESTALE: ['the file server no longer knows this file', DISK],
  ETIMEDOUT: ['the file server does not answer', DISK],
  ETXTBSY: ['the file is being executed', 'choose another place'],
  EUCLEAN: ['the file system is damaged', DISK],
  EXDEV: ['the target is on another disk', 'choose another place'],
};

/** Errors that mean that a file system does not support an operation (network and FUSE file systems). */
const UNSUPPORTED = ['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'ENOTTY'];

/** An operating system error with an explanation. */
export interface SystemFailure {
  readonly code: string;
  readonly path: string | undefined;
  /** Such as `the disk is full`. */
  readonly reason: string;
  /** Such as `free some room or choose another place`. */
  readonly remedy: string | undefined;
}

/** The code of a system error, including those that libuv reports as UNKNOWN; undefined for other errors. */
export function systemCode(error: unknown): string | undefined {
  const { code, errno } = (error ?? {}) as NodeJS.ErrnoException;
  if (typeof code !== 'string') return undefined;
  if (code !== 'UNKNOWN' || errno === undefined) return code;
  return UNNAMED[process.platform]?.[Math.abs(errno)] ?? `error ${Math.abs(errno)}`;
}

/** Explains a system error; undefined for other errors. */
export function systemFailure(error: unknown): SystemFailure | undefined {
  const code = systemCode(error);
  if (code === undefined) return undefined;
  const { syscall, path, message } = error as NodeJS.ErrnoException;
  const known = WORDS[code];
  if (!known && syscall === undefined) return undefined;
  // Node's messages have the form `CODE: reason, call 'path'`.
  const reason = known?.[0] ?? /^\w+: ([^,]+)/.exec(message)?.[1] ?? 'the system refused';
  return { code, path, reason, remedy: known?.[1] };
}

/** Such as `run/log.jsonl: the disk is full (ENOSPC)`; undefined for other errors. */
export function systemLine(error: unknown): string | undefined {
  const failure = systemFailure(error);
  return failure && `${failure.path ? `${failure.path}: ` : ''}${failure.reason} (${failure.code})`;
}

/** Whether an error means that the file system does not support the operation. */
export function isUnsupported(error: unknown): boolean {
  return UNSUPPORTED.includes(systemCode(error) ?? '');
}
