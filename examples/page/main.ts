// A trained network in a page: nothing leaves the machine. Bundle it, for example with `npx vite`.
import { loadRun } from 'densor/browser';

const input = (id: string) => document.querySelector<HTMLInputElement>(`#${id}`)!;
const answer = document.querySelector('#answer')!;

input('image').onchange = async () => {
  const [run, image] = [input('run').files?.[0], input('image').files?.[0]];
  if (!run || !image) return;
  await using net = await loadRun(run);
  const [best] = await net.predict(image);
  answer.textContent = `${best?.label} ${((best?.probability ?? 0) * 100).toFixed(1)}%`;
};
