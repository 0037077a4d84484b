/** The entry file of step processes; `LocalExecutor` forks it. */
import { serveWorker } from '../engine/worker.js';
import { loadRegistry } from './registry.js';

serveWorker(loadRegistry());
