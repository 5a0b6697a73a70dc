import { runOf } from '../../app/runs.ts';
import { text } from '../../text/text.ts';
import { Empty } from '../parts.tsx';
import type { TabProps } from '../run.tsx';
import { TryPanel } from './panel.tsx';

/** Tries the network of a run: of this browser, or of the server, which hands out its weights. */
export function TryTab({ id, view, name }: TabProps) {
  const { checkpoint, steps, start } = view;
  if (!checkpoint || steps === 0) return <Empty>{text().tryEmpty}</Empty>;
  const source = runOf(id)?.source;
  if (source === 'tab') return <TryPanel key={id} id={id} name={name} />;
  if (source !== 'server') return <Empty>{text().tryNoWeights}</Empty>;
  const data = start?.config.data;
  return <TryPanel key={id} id={id} name={name} server={{ step: checkpoint.globalStep, data }} />;
}
