/**
 * TTLs that go on counting after they were read. What is on the screen is a snapshot: the server may
 * have renewed a field since, and tells so when it is asked again.
 */

import { element } from './element.js';
import { seconds } from './format.js';

const NO_TTL = -1;
const MISSING = -2;

/** @type {Set<{ cell: HTMLElement, endsAtMs: number, onEnd: () => void }>} */
const running = new Set();

/**
 * @param {number} ttlSeconds as the server says: -1 no TTL, -2 not there
 * @param {() => void} onEnd called when it has run out
 */
export function ttlBadge(ttlSeconds, onEnd = () => undefined) {
  if (ttlSeconds === MISSING) return element('span', { class: 'badge missing' }, 'missing');
  if (ttlSeconds === NO_TTL) return element('span', { class: 'badge quiet' }, 'no TTL');
  const cell = element('span', { class: 'ttl' }, seconds(ttlSeconds));
  running.add({ cell, endsAtMs: performance.now() + ttlSeconds * 1000, onEnd });
  return cell;
}

function tick() {
  const nowMs = performance.now();
  for (const ttl of running) {
    const leftSeconds = Math.ceil((ttl.endsAtMs - nowMs) / 1000);
    if (!ttl.cell.isConnected) {
      running.delete(ttl); // its table was replaced
    } else if (leftSeconds > 0) {
      ttl.cell.textContent = seconds(leftSeconds);
    } else {
      running.delete(ttl);
      ttl.cell.className = 'badge missing';
      ttl.cell.textContent = 'expired';
      ttl.onEnd();
    }
  }
}

export function startCountdowns() {
  setInterval(tick, 250);
}
