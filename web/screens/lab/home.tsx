import { useState } from 'preact/hooks';
import { download } from '../../app/download.ts';
import { sentenceOf } from '../../app/sentence.ts';
import { askLab } from '../../lab/client.ts';
import { text } from '../../text/text.ts';
import { CommandLine, Empty } from '../parts.tsx';

const FILES = ['weights', 'onnx', 'zip'] as const;

/** What a trained network can be taken home as. */
export function HomeStep({ id, isReady }: { readonly id: string | undefined; readonly isReady: boolean }) {
  const t = text();
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState('');
  if (!id || !isReady) return <Empty>{t.homeEmpty}</Empty>;
  const names = { weights: t.downloadWeights, onnx: t.downloadOnnx, zip: t.downloadZip } as const;
  const take = async (what: (typeof FILES)[number]) => {
    setBusy(true);
    setWrong('');
    try {
      const { bytes, name } = await askLab('export', { id, what });
      download(name, bytes, 'application/octet-stream');
    } catch (error) {
      setWrong(sentenceOf((error as Error).message));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div>
      <p class="note">{t.homeHow}</p>
      <CommandLine>unzip densor-run.zip && npx densor train --resume run</CommandLine>
      <div class="buttons">
        {FILES.map((what) => (
          <button
            type="button"
            key={what}
            class="primary"
            disabled={busy}
            data-testid={`download-${what}`}
            onClick={() => void take(what)}
          >
            {names[what]}
          </button>
        ))}
      </div>
      {wrong && (
        <p class="trouble" role="alert">
          {wrong}
        </p>
      )}
    </div>
  );
}
