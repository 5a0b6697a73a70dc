import { signal } from '@preact/signals';

export const TABS = ['curves', 'confusions', 'try', 'memory', 'time', 'layers', 'data', 'log'] as const;
export type Tab = (typeof TABS)[number];

/** Where the visitor is; it is the whole fragment of the address. */
export type Route =
  | { readonly screen: 'runs' | 'compare' | 'lab' | 'privacy' }
  | { readonly screen: 'run'; readonly id: string; readonly tab: Tab };

export const route = signal<Route>(parse(location.hash));

addEventListener('hashchange', () => {
  route.value = parse(location.hash);
});

/** Whatever an address says, it is one of the screens. */
function parse(hash: string): Route {
  const [screen = '', id = '', tab = ''] = hash.replace(/^#\/?/, '').split('/');
  if (screen === 'run' && /^[\w-]{1,64}$/.test(id))
    return { screen, id, tab: TABS.find((each) => each === tab) ?? 'curves' };
  if (screen === 'compare' || screen === 'lab' || screen === 'privacy') return { screen };
  return { screen: 'runs' };
}

export function addressOf(to: Route): string {
  return to.screen === 'run' ? `#/run/${to.id}/${to.tab}` : `#/${to.screen}`;
}

export function go(to: Route): void {
  location.hash = addressOf(to);
}
