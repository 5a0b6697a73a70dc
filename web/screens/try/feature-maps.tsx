import { useEffect, useState } from 'preact/hooks';
import { formatNumber } from '../../app/format.ts';
import { askLab } from '../../lab/client.ts';
import type { Explained, GreyMap } from '../../lab/messages.ts';
import { text } from '../../text/text.ts';
import { drawPixels, Scroll } from '../parts.tsx';

/** Channels that are shown at a time. */
const AT_ONCE = 64;

/** What a layer of the network has computed for a picture: its channels as small pictures. */
export function FeatureMaps({ explained }: { readonly explained: Explained }) {
  const t = text();
  const { blocks } = explained;
  const [at, setAt] = useState({ block: 1, part: 0, skip: 0 });
  const [maps, setMaps] = useState<readonly GreyMap[]>([]);
  const { parts, height, width } = blocks[at.block - 1] ?? { parts: [], height: 0, width: 0 };
  const before = parts.slice(0, at.part).reduce((sum, count) => sum + count, 0);
  const channels = parts[at.part] ?? 0;
  const count = Math.min(AT_ONCE, channels - at.skip);
  useEffect(() => {
    let isCurrent = true;
    void askLab('maps', { block: at.block, first: before + at.skip, count }).then((found) => {
      if (isCurrent) setMaps(found);
    });
    return () => {
      isCurrent = false;
    };
  }, [explained, at]);
  if (blocks.length === 0) return null;
  const nameOf = (part: number) => {
    if (parts.length === 1) return t.mapsAll(parts[0]!);
    return part === 0 ? t.mapsInput(parts[0]!) : t.mapsLayer(part, parts[part]!);
  };
  const move = (by: number) => setAt({ ...at, skip: at.skip + by });
  return (
    <section data-testid="feature-maps">
      <h3>{t.mapsTitle}</h3>
      <div class="buttons">
        <label>
          {t.mapsBlock}{' '}
          <select
            data-testid="maps-block"
            value={at.block}
            onChange={(event) => setAt({ block: Number(event.currentTarget.value), part: 0, skip: 0 })}
          >
            {blocks.map(({ block }) => (
              <option key={block} value={block}>
                {block}
              </option>
            ))}
          </select>
        </label>
        <label>
          {t.mapsPart}{' '}
          <select
            data-testid="maps-layer"
            value={at.part}
            onChange={(event) => setAt({ ...at, part: Number(event.currentTarget.value), skip: 0 })}
          >
            {parts.map((_, part) => (
              <option key={part} value={part}>
                {nameOf(part)}
              </option>
            ))}
          </select>
        </label>
        {channels > AT_ONCE && (
          <>
            <button type="button" disabled={at.skip === 0} onClick={() => move(-AT_ONCE)}>
              {t.previous}
            </button>
            <button type="button" disabled={at.skip + count >= channels} onClick={() => move(AT_ONCE)}>
              {t.next}
            </button>
          </>
        )}
      </div>
      <p class="note" data-testid="maps-shown">
        {t.mapsShown(at.skip + 1, at.skip + count, channels, `${height}×${width}`)}
      </p>
      <ul class="maps">
        {maps.map((map) => (
          <li key={map.channel}>
            <Grey map={map} number={map.channel - before + 1} />
          </li>
        ))}
      </ul>
      <details>
        <summary>{t.asTable}</summary>
        <Scroll>
          <table data-testid="maps-table">
            <thead>
              <tr>
                {[t.mapsChannel, t.lowest, t.mean, t.highest].map((name) => (
                  <th scope="col" key={name}>
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {maps.map(({ channel, least, mean, greatest }) => (
                <tr key={channel}>
                  <th scope="row">{channel - before + 1}</th>
                  <td>{formatNumber(least)}</td>
                  <td>{formatNumber(mean)}</td>
                  <td>{formatNumber(greatest)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      </details>
    </section>
  );
}

function Grey({ map, number }: { readonly map: GreyMap; readonly number: number }) {
  const { width, height, pixels, least, greatest } = map;
  const label = text().mapsOne(number, formatNumber(least), formatNumber(greatest));
  const draw = (canvas: HTMLCanvasElement | null) => {
    const context = canvas?.getContext('2d');
    if (context) drawPixels(context, pixels, { width, height });
  };
  return <canvas ref={draw} width={width} height={height} role="img" aria-label={label} title={label} />;
}
