/** Keeps the page for when there is no network, and gives it the headers that a static host does not send. */
const VERSION = '__VERSION__';
const FILES = '__FILES__' as unknown as readonly string[];

interface WorkerEvent extends Event {
  readonly request: Request;
  waitUntil(work: Promise<unknown>): void;
  respondWith(response: Promise<Response>): void;
}
const worker = self as unknown as {
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
  readonly location: Location;
  addEventListener(kind: string, listener: (event: WorkerEvent) => void): void;
};

const scope = new URL('./', worker.location.href);

worker.addEventListener('install', (event) => {
  const keep = async () => {
    const cache = await caches.open(VERSION);
    await cache.addAll(FILES.map((name) => new Request(new URL(name, scope), { cache: 'no-cache' })));
    await worker.skipWaiting();
  };
  event.waitUntil(keep());
});

worker.addEventListener('activate', (event) => {
  const clean = async () => {
    for (const name of await caches.keys()) if (name !== VERSION) await caches.delete(name);
    await worker.clients.claim();
  };
  event.waitUntil(clean());
});

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== scope.origin || !url.href.startsWith(scope.href)) return;
  if (url.pathname.slice(scope.pathname.length).startsWith('api/')) return;
  event.respondWith(answer(request, url));
});

/** The page comes from the network where there is one, so that a new version is seen; its parts have names of their own. */
async function answer(request: Request, url: URL): Promise<Response> {
  const cache = await caches.open(VERSION);
  if (request.mode === 'navigate') {
    try {
      return isolated(await fetch(request));
    } catch {
      return isolated((await cache.match(new URL('index.html', scope)))!);
    }
  }
  const kept = await cache.match(url, { ignoreSearch: true });
  return isolated(kept ?? (await fetch(request)));
}

function isolated(response: Response): Response {
  if (response.status === 0 || response.type === 'opaqueredirect') return response;
  const headers = new Headers(response.headers);
  headers.set('cross-origin-opener-policy', 'same-origin');
  headers.set('cross-origin-embedder-policy', 'require-corp');
  headers.set('cross-origin-resource-policy', 'same-origin');
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
