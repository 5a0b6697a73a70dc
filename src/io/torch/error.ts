import { InputError } from '../../tensor/input-error.ts';

/** A `.pth` or `.pt` file is damaged, uses something that is not allowed, or has an unsupported format. */
export class TorchFileError extends InputError {
  override readonly name = 'TorchFileError';
}

/** Advice for a file without a state dict, if its source is trusted. */
export const SAVE_WEIGHTS =
  "load it in PyTorch and save its weights alone: torch.save(model.state_dict(), 'weights.pth')";

/** Throws a `TorchFileError` whose message begins with the name of the file. */
export type Refuse = (message: string) => never;

/** Creates a `Refuse` for a file. */
export function refuser(source: string): Refuse {
  return (message) => {
    throw new TorchFileError(`${source}: ${message}`);
  };
}
