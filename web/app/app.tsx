import { Component, type ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { RunsScreen } from '../screens/runs.tsx';
import { language, nextLanguage, text } from '../text/text.ts';
import { isHelpOpen } from './keys.ts';
import { later } from './later.tsx';
import { type Route, route } from './route.ts';
import { followOnServer, serverTrouble } from './server-source.ts';
import { nextTheme } from './theme.ts';

/** A screen that fails says so, and the others go on. */
class Guard extends Component<{ readonly children: ComponentChildren }, { readonly error?: Error }> {
  static override getDerivedStateFromError(error: Error) {
    return { error };
  }
  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <p class="trouble" role="alert">
        {error.message}
      </p>
    );
  }
}

const RunScreen = later(async () => (await import('../screens/run.tsx')).RunScreen);
const CompareScreen = later(async () => (await import('../screens/compare.tsx')).CompareScreen);
const LabScreen = later(async () => (await import('../screens/lab/lab.tsx')).LabScreen);
const PrivacyScreen = later(async () => (await import('../screens/privacy.tsx')).PrivacyScreen);

export function App() {
  const t = text();
  const now = route.value;
  useEffect(() => {
    document.documentElement.lang = language.value === 'zh' ? 'zh-Hans' : 'en';
  }, [language.value]);
  useEffect(() => {
    if (now.screen !== 'run' && now.screen !== 'compare') followOnServer([]);
  }, [now.screen]);
  const links = [
    ['runs', t.navRuns],
    ['lab', t.navTrain],
    ['compare', t.navCompare],
    ['privacy', t.navPrivacy],
  ] as const;
  const isHere = (screen: string) => screen === now.screen || (screen === 'runs' && now.screen === 'run');
  return (
    <>
      <button
        type="button"
        class="skip"
        onClick={() => document.querySelector<HTMLElement>('#content')?.focus()}
      >
        {t.skip}
      </button>
      <header class="bar">
        <a class="brand" href="#/runs">
          <svg width="22" height="22" viewBox="0 0 22 22" aria-hidden="true">
            <rect x="1" y="11" width="4" height="10" rx="1.5" fill="var(--c1)" />
            <rect x="7" y="7" width="4" height="14" rx="1.5" fill="var(--c3)" />
            <rect x="13" y="1" width="4" height="20" rx="1.5" fill="var(--c2)" />
          </svg>
          Densor
        </a>
        <nav aria-label="Densor">
          {links.map(([screen, name]) => (
            <a key={screen} href={`#/${screen}`} aria-current={isHere(screen) ? 'page' : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <span class="buttons">
          <button
            type="button"
            class="quiet"
            data-testid="language"
            lang={language.value === 'zh' ? 'en' : 'zh'}
            onClick={nextLanguage}
          >
            {t.language}
          </button>
          <button
            type="button"
            class="quiet"
            data-testid="theme"
            aria-label={t.theme}
            title={t.theme}
            onClick={nextTheme}
          >
            ◐
          </button>
          <button
            type="button"
            class="quiet"
            data-testid="help"
            aria-label={t.help}
            title={t.help}
            onClick={() => {
              isHelpOpen.value = true;
            }}
          >
            ?
          </button>
        </span>
      </header>
      <main id="content" tabIndex={-1}>
        {serverTrouble.value && (
          <p class="trouble" role="alert">
            {serverTrouble.value === 'token' ? t.wrongToken : t.serverLost}
          </p>
        )}
        <Guard key={now.screen === 'run' ? `${now.id}${now.tab}` : now.screen}>
          <Screen route={now} />
        </Guard>
      </main>
      <Help />
    </>
  );
}

function Screen({ route: now }: { readonly route: Route }) {
  switch (now.screen) {
    case 'runs':
      return <RunsScreen />;
    case 'run':
      return <RunScreen id={now.id} tab={now.tab} />;
    case 'compare':
      return <CompareScreen />;
    case 'lab':
      return <LabScreen />;
    case 'privacy':
      return <PrivacyScreen />;
    default:
      return now satisfies never;
  }
}

function Help() {
  const t = text();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isHelpOpen.value) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isHelpOpen.value]);
  const keys = [
    ['?', t.keyHelp],
    ['/', t.keyFilter],
    ['j k', t.keyMove],
    ['x', t.keySelect],
    ['Enter', t.keyOpen],
    ['l', t.keyLog],
    ['s', t.keySmooth],
    ['0', t.keyReset],
    ['Space', t.keyPause],
  ] as const;
  return (
    <dialog
      ref={dialog}
      aria-labelledby="keys"
      onClose={() => {
        isHelpOpen.value = false;
      }}
    >
      <h2 id="keys">{t.keysTitle}</h2>
      <dl class="keys">
        {keys.map(([key, name]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{name}</dd>
          </div>
        ))}
      </dl>
      <button
        type="button"
        onClick={() => {
          isHelpOpen.value = false;
        }}
      >
        {t.close}
      </button>
    </dialog>
  );
}
