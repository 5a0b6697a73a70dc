import type { FormField } from 'densor/browser';
import { useEffect } from 'preact/hooks';
import { askLab } from '../../lab/client.ts';
import { text } from '../../text/text.ts';
import { form, model, runName, settings, trouble } from './state.ts';

/** Shown without being asked for; the others are under a heading. */
const FIRST = ['recipe', 'epochs', 'batch', 'lr', 'size', 'seed'];

export function NetworkStep() {
  const t = text();
  useEffect(() => {
    if (!form.value)
      askLab('describe', {}).then(
        (answer) => {
          form.value = answer;
        },
        ({ message }: Error) => {
          trouble.value = { message };
        },
      );
  }, []);
  const { fields = [], models = ['notes'] } = form.value ?? {};
  return (
    <div>
      <div class="fields">
        <label>
          {t.network}
          <input
            data-testid="model"
            list="models"
            value={model.value}
            onInput={(event) => {
              model.value = event.currentTarget.value;
            }}
          />
          <datalist id="models">
            {models.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </label>
        <label>
          {t.runName}
          <input
            value={runName.value}
            onInput={(event) => {
              runName.value = event.currentTarget.value;
            }}
          />
        </label>
        {fields
          .filter(({ name }) => FIRST.includes(name))
          .map((field) => (
            <Field key={field.name} field={field} />
          ))}
      </div>
      <details>
        <summary>{t.settings}</summary>
        <p class="note">{t.settingsHow}</p>
        <div class="fields">
          {fields
            .filter(({ name }) => !FIRST.includes(name))
            .map((field) => (
              <Field key={field.name} field={field} />
            ))}
        </div>
      </details>
    </div>
  );
}

/** A field of the form, made from the table of settings. */
function Field({ field }: { readonly field: FormField }) {
  const t = text();
  const { name, kind, choices = [] } = field;
  const standard = t.settingDefault(field);
  const value = settings.value[name] ?? '';
  const isWrong = trouble.value?.setting === name;
  const set = (to: string) => {
    settings.value = { ...settings.value, [name]: to };
  };
  const id = `setting-${name}`;
  const common = { id, 'data-testid': id, 'aria-invalid': isWrong, 'aria-describedby': `${id}-help` };
  return (
    <div class="field">
      <label for={id}>{t.settingName(field)}</label>
      {kind === 'switch' || kind === 'choice' ? (
        <select {...common} value={value} onChange={(event) => set(event.currentTarget.value)}>
          <option value="">{standard || '–'}</option>
          {(kind === 'switch' ? ['on'] : choices).map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      ) : (
        <input
          {...common}
          value={value}
          inputMode={kind === 'number' ? 'decimal' : 'text'}
          placeholder={standard}
          onInput={(event) => set(event.currentTarget.value)}
        />
      )}
      <small id={`${id}-help`} lang={isWrong ? 'en' : undefined}>
        {isWrong ? trouble.value!.message : t.settingHelp(field)}
      </small>
    </div>
  );
}
