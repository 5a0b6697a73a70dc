import { InputError } from '../../tensor/input-error.ts';

/** A `.pth` or `.pt` file that is damaged, asks for what is not allowed, or is of a kind that is not read. */
export class TorchFileError extends InputError {
  override readonly name = 'TorchFileError';
}

/** Throws a `TorchFileError` that begins with the file's name. */
export type Refuse = (message: string) => never;

/** The file's name in front of every message. */
export function refuser(source: string): Refuse {
  return (message) => {
    throw new TorchFileError(`${source}: ${message}`);
  };
}

/** Text from a file in a message: no control characters, not too long, in quotes where it could mislead. */
export function quoted(text: string): string {
  const cut = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return /^[\w.:/<>-]+$/.test(cut) ? cut : JSON.stringify(cut);
}
