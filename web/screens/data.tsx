import { formatCount, shownName } from '../app/format.ts';
import { text } from '../text/text.ts';
import { Scroll } from './parts.tsx';
import type { TabProps } from './run.tsx';

export function DataTab({ view }: TabProps) {
  const t = text();
  const { data, start } = view;
  return (
    <div>
      <h2>{t.dataClasses}</h2>
      {!data && <p class="note">{t.dataHidden}</p>}
      {start && (
        <p class="note">
          {t.dataTrain} {formatCount(start.trainImages)}
          {start.validationImages > 0 && ` · ${t.dataValidation} ${formatCount(start.validationImages)}`}
          {` · ${t.dataTest} ${formatCount(start.testImages)}`}
        </p>
      )}
      {data && (
        <table>
          <thead>
            <tr>
              <td />
              <th scope="col">{t.dataTrain}</th>
              <th scope="col">{t.dataTest}</th>
            </tr>
          </thead>
          <tbody>
            {data.classes.map(({ name, train, test }) => (
              <tr key={name}>
                <th scope="row">{shownName(name)}</th>
                <td>{train}</td>
                <td>{test}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {data && data.skipped.length > 0 && (
        <details>
          <summary>{t.dataSkipped(data.skipped.length)}</summary>
          <ul>
            {data.skipped.slice(0, 200).map(({ file, reason }) => (
              <li key={file} dir="auto">
                {shownName(file)}: {shownName(reason)}
              </li>
            ))}
          </ul>
        </details>
      )}
      <h2>{t.config}</h2>
      {start && (
        <Scroll>
          <table>
            <tbody>
              {Object.entries(start.config).map(([name, value]) => (
                <tr key={name}>
                  <th scope="row">{shownName(name)}</th>
                  <td class="code">{shownName(typeof value === 'string' ? value : JSON.stringify(value))}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </div>
  );
}
