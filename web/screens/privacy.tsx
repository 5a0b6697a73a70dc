import { useEffect, useState } from 'preact/hooks';
import { formatBytes, shownName } from '../app/format.ts';
import { forgetView, tabRuns } from '../app/runs.ts';
import { listTabRuns } from '../app/tab-source.ts';
import { deleteRun, storedBytes } from '../lab/run-store.ts';
import { text } from '../text/text.ts';
import { Empty } from './parts.tsx';

/** What this browser keeps, to be deleted. */
export function PrivacyScreen() {
  const t = text();
  const [bytes, setBytes] = useState<{ readonly used: number; readonly quota: number } | undefined>(
    undefined,
  );
  const runs = tabRuns.value ?? [];
  useEffect(() => {
    void storedBytes().then(setBytes);
  }, [runs.length]);
  const remove = async (id: string, name: string) => {
    if (!confirm(t.deleteSure(shownName(name)))) return;
    await deleteRun(id);
    forgetView(id);
    await listTabRuns();
  };
  return (
    <section>
      <h1>{t.privacyTitle}</h1>
      <p>{t.privacyText}</p>
      {bytes && <p class="note">{t.privacyUsed(formatBytes(bytes.used), formatBytes(bytes.quota))}</p>}
      {runs.length === 0 && <Empty>{t.runsEmpty}</Empty>}
      <ul class="kept">
        {runs.map(({ id, name, isOwned }) => (
          <li key={id}>
            <a href={`#/run/${id}/curves`} dir="auto">
              {shownName(name)}
            </a>
            <button type="button" disabled={isOwned === true} onClick={() => void remove(id, name)}>
              {t.deleteRun}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
