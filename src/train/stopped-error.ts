/** NaN or infinity ended a run. */
export class TrainingStoppedError extends Error {
  override readonly name = 'TrainingStoppedError';
}
