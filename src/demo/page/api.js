/**
 * The server's routes. What they answer is described in the server's source, src/demo/routes.
 *
 * @typedef {object} ShardState
 * @property {string} address
 * @property {string} role
 * @property {string[]} replicas
 * @property {number} slot_count
 * @property {number} slot_share
 * @property {[number, number][]} slot_ranges
 * @property {number} entity_count
 *
 * @typedef {object} DemoState
 * @property {string} key_prefix
 * @property {number} batch_ttl_seconds
 * @property {number} streaming_ttl_seconds
 * @property {number} entity_count
 * @property {string[]} entity_ids
 * @property {{ batch_writes_total: number, streaming_writes_total: number, reads_total: number,
 *   read_fields_total: number }} stats
 * @property {{ running: boolean, paused: boolean, tick_count: number, writes_count: number }} worker
 * @property {{ mode: string, shards: ShardState[] }} cluster
 *
 * @typedef {object} LoadReply
 * @property {number} loaded
 * @property {number} failed_count
 * @property {number} ttl_seconds
 * @property {number} elapsed_ms
 *
 * @typedef {object} ReadReply
 * @property {string[]} requested
 * @property {Record<string, string>} values
 * @property {Record<string, number>} ttls
 * @property {number} key_ttl_seconds
 * @property {number} returned_count
 * @property {number} elapsed_ms
 * @property {string | null} shard
 * @property {number} slot
 *
 * @typedef {object} ShardPart
 * @property {string} shard
 * @property {number} id_count
 * @property {number} pipeline_count
 * @property {number} start_ms
 * @property {number} elapsed_ms
 *
 * @typedef {object} BatchReply
 * @property {number} entity_count
 * @property {number} failed_count
 * @property {number} field_count
 * @property {number} elapsed_ms
 * @property {{ id: string, field_count: number }[]} sample
 * @property {ShardPart[]} shards
 *
 * @typedef {object} InspectReply
 * @property {boolean} exists
 * @property {number} key_ttl_seconds
 * @property {{ name: string, value: string, ttl_seconds: number }[]} [fields]
 */

const TIMEOUT_MS = 40_000; // the store's own deadline comes first

/** @returns {Promise<DemoState>} */
export function getState() {
  return request('/state');
}

/**
 * @param {number} count
 * @param {number} ttl
 * @returns {Promise<LoadReply>}
 */
export function bulkLoad(count, ttl) {
  return post('/bulk-load', { count, ttl });
}

/** @returns {Promise<{ paused: boolean, running: boolean }>} */
export function toggleWorker() {
  return post('/worker/toggle', {});
}

/** @returns {Promise<{ deleted: number }>} */
export function reset() {
  return post('/reset', {});
}

/**
 * @param {string} user
 * @param {string[]} field
 * @returns {Promise<ReadReply>}
 */
export function readFeatures(user, field) {
  return post('/read', { user, field });
}

/**
 * @param {number} count
 * @param {string[]} field
 * @returns {Promise<BatchReply>}
 */
export function batchRead(count, field) {
  return post('/batch-read', { count, field });
}

/**
 * @param {string} user
 * @returns {Promise<InspectReply>}
 */
export function inspect(user) {
  return request(`/inspect?${new URLSearchParams({ user })}`);
}

/**
 * @param {string} path
 * @param {object} parameters
 */
function post(path, parameters) {
  return request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(parameters),
  });
}

/**
 * @param {string} path
 * @param {RequestInit} options
 */
async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    throw new Error('The demo server does not answer.', { cause: error });
  }
  const reply = await response.json();
  if (!response.ok) throw new Error(reply.error ?? `The server replied ${response.status}.`);
  return reply;
}
