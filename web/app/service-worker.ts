const RELOADED = 'densor-reloaded';

/**
 * Keeps the page for when there is no network. On a static host it also brings the headers for shared memory, with the next
 * load: the page is loaded once more, unless somebody has begun to use it.
 */
export async function startServiceWorker(): Promise<void> {
  if (!('serviceWorker' in navigator)) return;
  let isUsed = false;
  const use = () => {
    isUsed = true;
  };
  for (const kind of ['pointerdown', 'keydown']) addEventListener(kind, use, { once: true });
  try {
    await navigator.serviceWorker.register('sw.js');
    await navigator.serviceWorker.ready;
  } catch {
    return; // Refused, as in a private window: the page works without.
  }
  document.documentElement.dataset.offline = 'ready';
  if (crossOriginIsolated || isUsed || sessionStorage.getItem(RELOADED)) return;
  sessionStorage.setItem(RELOADED, 'yes');
  location.reload();
}
