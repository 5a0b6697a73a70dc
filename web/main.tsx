import 'uplot/dist/uPlot.min.css';
import './style.css';
import { render } from 'preact';
import { App, startTheme } from './app/app.tsx';
import { listenToKeys } from './app/keys.ts';
import { hasServer, startServerSource } from './app/server-source.ts';
import { startServiceWorker } from './app/service-worker.ts';
import { startTabSource } from './app/tab-source.ts';
import { startLanguage } from './text/text.ts';

startTheme();
startServerSource();
startTabSource();
listenToKeys();
await startLanguage();
render(<App />, document.querySelector('#page')!);
if (!hasServer) void startServiceWorker();
