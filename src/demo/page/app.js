/** Wires the panels, and asks for the state again and again while the page is seen. */

import { getState } from './api.js';
import { startCountdowns } from './countdown.js';
import { byId } from './element.js';
import { addBatchPanel } from './panels/batch-panel.js';
import { showCluster } from './panels/cluster-panel.js';
import { addInspectPanel } from './panels/inspect-panel.js';
import { addLoadPanel, suggestTtl } from './panels/load-panel.js';
import { addReadPanel } from './panels/read-panel.js';
import { addStatePanel, showState } from './panels/state-panel.js';
import { addWorkerPanel, showWorker } from './panels/worker-panel.js';
import { showStatus } from './status.js';
import { showIds } from './user-select.js';

const POLL_INTERVAL_MS = 1_500;

/** @type {'connecting' | 'up' | 'down'} */
let server = 'connecting';
/** @type {number | undefined} */
let timer;
let askedCount = 0;
let shownCount = 0;

/** Replies may overtake each other: one that is older than what is shown is dropped. */
async function refresh() {
  const turn = ++askedCount;
  try {
    const state = await getState();
    if (turn < shownCount) return;
    shownCount = turn;
    if (server === 'connecting') suggestTtl(state.batch_ttl_seconds);
    if (server !== 'up') showStatus('ok', 'Ready.');
    server = 'up';
    showState(state);
    showCluster(state);
    showWorker(state);
    showIds(byId('read-user', HTMLSelectElement), state.entity_ids);
    showIds(byId('inspect-user', HTMLSelectElement), state.entity_ids);
  } catch (error) {
    server = 'down';
    showStatus('error', error instanceof Error ? error.message : String(error));
  }
  byId('mode-pill', HTMLElement).dataset['server'] = server;
}

/** The next poll begins an interval after this one has ended, so polls never pile up. */
async function poll() {
  clearTimeout(timer);
  await refresh();
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(poll, POLL_INTERVAL_MS);
}

addStatePanel();
addLoadPanel(refresh);
addWorkerPanel(refresh);
addReadPanel();
addBatchPanel();
addInspectPanel();
startCountdowns();
document.addEventListener('visibilitychange', () => void poll());
void poll();
