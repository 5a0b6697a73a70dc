import { useEffect, useRef, useState } from 'preact/hooks';
import { formatNumber, shownName } from '../../app/format.ts';
import type { Explained } from '../../lab/messages.ts';
import { text } from '../../text/text.ts';
import { drawPixels, Scroll } from '../parts.tsx';
import { type ClassMap, classMapOf, heatOf, mostOf } from './heat.ts';

/** Pixels of the screen that the picture is high and wide, at least. */
const SIDE = 320;
const SCALE = Array.from({ length: 21 }, (_, i) => (i - 10) / 10);

/** Where in the picture the logit of a class comes from. */
export function ClassMaps({ explained }: { readonly explained: Explained }) {
  const t = text();
  const { predictions, classNames, classMaps, logits, bias, image } = explained;
  const [chosen, choose] = useState<string | undefined>(undefined);
  useEffect(() => choose(undefined), [explained]);
  const label = chosen ?? predictions[0]!.label;
  const index = Math.max(0, classNames.indexOf(label));
  const map = classMapOf(classMaps, index);
  const most = mostOf(classMaps.data);
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (canvas.current) drawMap(canvas.current, image, map, most);
  }, [explained, index]);
  const { height, width, values, mean, row, column } = map;
  const number = (value: number) => value.toFixed(2);
  return (
    <section data-testid="class-maps">
      <h3>{t.whyTitle}</h3>
      <p class="note">{t.whyHow}</p>
      <label>
        {t.whyClass}{' '}
        <select
          value={label}
          data-testid="class-map-class"
          onChange={(event) => choose(event.currentTarget.value)}
        >
          {predictions.map((each) => (
            <option key={each.label} value={each.label}>
              {shownName(each.label)}
            </option>
          ))}
        </select>
      </label>
      <canvas ref={canvas} class="heat" role="img" aria-label={t.whyPicture(shownName(label))} />
      <p class="scale">
        {t.whyAgainst} {formatNumber(-most)}
        <svg viewBox="0 0 210 14" width="210" height="14" aria-hidden="true">
          <rect width="210" height="14" fill="#8f8f8f" />
          {SCALE.map((share, i) => (
            <rect key={share} x={10 * i} width="10" height="14" fill={heatOf(share, 1)} />
          ))}
        </svg>
        {formatNumber(most)} {t.whyFor}
      </p>
      <p data-testid="class-map-sum">
        {t.whySum(number(logits[index]!), number(mean), number(bias[index]!))}
      </p>
      <p class="note">
        {t.whyMost(row + 1, height, column + 1, width, formatNumber(values[row * width + column]))}
      </p>
      <details>
        <summary>{t.asTable}</summary>
        <Scroll>
          <table data-testid="class-map-table">
            <tbody>
              {Array.from({ length: height }, (_, y) => (
                <tr key={y}>
                  {values.slice(y * width, (y + 1) * width).map((value, x) => (
                    <td key={x}>{value.toFixed(2)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      </details>
    </section>
  );
}

/** The picture, faint, and the numbers of a map over it: a rectangle is one number. */
function drawMap(canvas: HTMLCanvasElement, image: Explained['image'], map: ClassMap, most: number): void {
  const { width, height, data } = image;
  const scale = Math.ceil(SIDE / width);
  [canvas.width, canvas.height] = [width * scale, height * scale];
  const small = new OffscreenCanvas(width, height);
  drawPixels(small.getContext('2d')!, data, { width, height, isFaint: true });
  const context = canvas.getContext('2d')!;
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
  const [x, y] = [canvas.width / map.width, canvas.height / map.height];
  for (const [i, value] of map.values.entries()) {
    context.fillStyle = heatOf(value, most);
    context.fillRect((i % map.width) * x, Math.floor(i / map.width) * y, x, y);
  }
}
