/** How the store stands, in eight numbers. */

import { byId, element, setText } from '../element.js';
import { count, seconds } from '../format.js';

/** @typedef {import('../api.js').DemoState} DemoState */

/** @type {{ id: string, label: string, of: (state: DemoState) => string }[]} */
const TILES = [
  { id: 'users', label: 'Users in store', of: (state) => count(state.entity_count) },
  { id: 'prefix', label: 'Key prefix', of: (state) => `${state.key_prefix}*` },
  { id: 'batch-ttl', label: 'Batch TTL', of: (state) => seconds(state.batch_ttl_seconds) },
  { id: 'stream-ttl', label: 'Streaming TTL', of: (state) => seconds(state.streaming_ttl_seconds) },
  { id: 'batch-writes', label: 'Batch writes', of: ({ stats }) => count(stats.batch_writes_total) },
  {
    id: 'stream-writes',
    label: 'Streaming writes',
    of: ({ stats }) => count(stats.streaming_writes_total),
  },
  { id: 'reads', label: 'Reads', of: ({ stats }) => count(stats.reads_total) },
  { id: 'fields', label: 'Fields returned', of: ({ stats }) => count(stats.read_fields_total) },
];

export function addStatePanel() {
  byId('state-tiles', HTMLElement).replaceChildren(
    ...TILES.map(({ id, label }) =>
      element(
        'div',
        { class: 'tile' },
        element('dt', {}, label),
        element('dd', { id: `tile-${id}` }, '…'),
      ),
    ),
  );
}

/** @param {DemoState} state */
export function showState(state) {
  for (const { id, of } of TILES) setText(`tile-${id}`, of(state));
  setText('lede-key', `${state.key_prefix}{id}`);
  setText('lede-ttl', seconds(state.streaming_ttl_seconds));
  setText('reset-prefix', `${state.key_prefix}*`);
}
