import { InputError } from '../../tensor/input-error.ts';

/** A `.pth` or `.pt` file that is damaged, asks for what is not allowed, or is of a kind that is not read. */
export class TorchFileError extends InputError {
  override readonly name = 'TorchFileError';
}

/** What to do with a file that holds no state dict, if one trusts it. */
export const SAVE_ANEW =
  "load it in PyTorch and save its weights alone: torch.save(model.state_dict(), 'weights.pth')";

/** Throws a `TorchFileError` that begins with the file's name. */
export type Refuse = (message: string) => never;

/** The file's name in front of every message. */
export function refuser(source: string): Refuse {
  return (message) => {
    throw new TorchFileError(`${source}: ${message}`);
  };
}
