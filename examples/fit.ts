// Trains on a folder with a folder of images for each class, and writes it for others: node fit.ts FOLDER RUN
import { fit } from 'densor';

const [photos = 'photos', out = 'runs/mine'] = process.argv.slice(2);
const stop = new AbortController();
process.once('SIGINT', () => stop.abort()); // `fit` then resolves with what it has.

await using run = await fit('densenet-bc-10-4', photos, {
  epochs: 3,
  lr: 0.05,
  size: 16,
  signal: stop.signal,
  onEvent: (event) => {
    if (event.kind === 'epoch') console.log(`epoch ${event.epoch + 1}: ${event.testAccuracy}`);
  },
});
await run.save(out);
await run.exportOnnx(`${out}/network.onnx`);
console.log(run.finished ? 'done' : 'interrupted: go on with the option `resume`');
