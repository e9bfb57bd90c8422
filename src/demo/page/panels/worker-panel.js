import { toggleWorker } from '../api.js';
import { byId, setText } from '../element.js';
import { count } from '../format.js';
import { runFor } from '../status.js';

/** @typedef {'running' | 'paused' | 'stopped'} WorkerState */

const ACTIONS = { running: 'Pause', paused: 'Resume', stopped: 'Start' };

/** @param {() => Promise<void>} refresh */
export function addWorkerPanel(refresh) {
  const button = byId('worker-toggle', HTMLButtonElement);
  button.addEventListener('click', () => {
    void runFor(button, async () => {
      const state = stateOf(await toggleWorker());
      show(state);
      await refresh();
      return `The streaming worker is ${state}.`;
    });
  });
}

/** @param {import('../api.js').DemoState} state */
export function showWorker({ worker }) {
  show(stateOf(worker));
  setText('worker-ticks', count(worker.tick_count));
  setText('worker-writes', count(worker.writes_count));
}

/**
 * @param {{ running: boolean, paused: boolean }} worker
 * @returns {WorkerState}
 */
function stateOf({ running, paused }) {
  if (!running) return 'stopped';
  return paused ? 'paused' : 'running';
}

/** @param {WorkerState} state */
function show(state) {
  const badge = byId('worker-state', HTMLElement);
  badge.className = `badge worker-${state}`;
  setText('worker-state', state);
  setText('worker-toggle', ACTIONS[state]);
}
