import { expect, test, onTestFinished } from 'vitest';
import { ShardHealth, type OnShardDown } from '../../../src/cluster/control/shard-health.ts';
import { PROOF_EVERY_MS, PROOFS_OF_DOWN, SILENCE_OF_DOWN_MS } from '../../../src/cluster/limits.ts';
import { FeatureStoreError } from '../../../src/index.ts';
import { nextTurn } from '../../../src/runtime/slices.ts';

const SHARD = 'a:1';
const refused = new FeatureStoreError('CONNECTION_LOST', 'connect ECONNREFUSED');
const NOT_OPENED = { wasOpen: false, isUnanswered: true, isTooSilent: false };

interface Subject {
  readonly health: ShardHealth;
  /** What was called, in order. */
  readonly calls: string[];
  isPrimary: boolean;
  isOpen: boolean;
  nowMs: number;
  /** Moments that have begun, by when they end. */
  readonly moments: Map<object, { readonly endMs: number; readonly onEnd: () => void }>;
  pass(ms: number): void;
}

/** On a clock of its own, unless it goes by real time. */
function start(onShardDown: OnShardDown = 'fail-fast', isReal = false): Subject {
  const calls: string[] = [];
  const host = {
    onShardDown,
    isPrimary: () => subject.isPrimary,
    isOpen: () => subject.isOpen,
    onDown: (address: string) => calls.push(`${address} down`),
    onUp: (address: string) => calls.push(`${address} up`),
  };
  const moments: Subject['moments'] = new Map();
  const momentOf = (ms: number, onEnd: () => void) => {
    const moment = { clear: () => void moments.delete(moment) };
    moments.set(moment, { endMs: subject.nowMs + ms, onEnd });
    return moment;
  };
  const subject: Subject = {
    calls,
    isPrimary: true,
    isOpen: false,
    nowMs: 1_000,
    moments,
    pass: (ms) => {
      subject.nowMs += ms;
      for (const [moment, { endMs, onEnd }] of moments) {
        if (endMs > subject.nowMs) continue;
        moments.delete(moment);
        onEnd();
      }
    },
    health: isReal ? new ShardHealth(host) : new ShardHealth(host, () => subject.nowMs, momentOf),
  };
  onTestFinished(() => subject.health.close());
  return subject;
}

/** A deadline that passed in silence, and the moment after it. */
function late({ health, nowMs, pass }: Subject): void {
  pass(50);
  health.noteLate(SHARD, nowMs);
  pass(PROOF_EVERY_MS);
}

function lose({ health, pass }: Subject, loss = NOT_OPENED): void {
  health.noteLost(SHARD, refused, loss);
  pass(PROOF_EVERY_MS);
}

function down(subject: Subject): void {
  subject.health.noteLost(SHARD, refused, { ...NOT_OPENED, wasOpen: true, isTooSilent: true });
}

function hold(ms: number): void {
  const endAtMs = performance.now() + ms;
  while (performance.now() < endAtMs);
}

test('nothing was seen of a shard: it is up', () => {
  const { health } = start();
  expect(health.stateOf(SHARD)).toBe('up');
  expect(health.failsRowsOf(SHARD)).toBe(false);
  expect(health.down()).toStrictEqual([]);
});

test.each([
  ['deadlines that pass in silence', late],
  ['connections that cannot be opened', lose],
])('%s: so many in a row take it down, and no fewer', (_, prove) => {
  const subject = start();
  const { health, calls } = subject;
  for (let proofs = 1; proofs < PROOFS_OF_DOWN; proofs++) prove(subject);
  expect(health.failsRowsOf(SHARD)).toBe(false);
  prove(subject);
  expect(health.failsRowsOf(SHARD)).toBe(true);
  expect(health.failsRowsOf('b:1')).toBe(false);
  expect(health.down()).toStrictEqual([SHARD]);
  expect(calls).toStrictEqual([`${SHARD} down`]);
});

test('a thousand rows that are late at once, or connections that are refused at once, are one proof', () => {
  const subject = start();
  const { health } = subject;
  for (let row = 0; row < 1_000; row++) health.noteLate(SHARD, subject.nowMs - 50);
  late(subject);
  for (let lane = 0; lane < 4; lane++) health.noteLost(SHARD, refused, NOT_OPENED);
  expect(health.stateOf(SHARD)).toBe('up');
});

test('a node that has been silent for a short time only is slow, and not down', () => {
  const subject = start();
  const { health, nowMs, pass } = subject;
  while (subject.nowMs + PROOF_EVERY_MS < nowMs + SILENCE_OF_DOWN_MS) {
    health.noteLate(SHARD, nowMs);
    pass(PROOF_EVERY_MS);
  }
  expect(health.stateOf(SHARD)).toBe('up');
  health.noteLate(SHARD, nowMs);
  pass(PROOF_EVERY_MS);
  expect(health.stateOf(SHARD)).toBe('down');
});

test('anything that is heard begins the row of proofs anew, also in the moment after a deadline', () => {
  const subject = start();
  const { health } = subject;
  for (let round = 0; round < 2 * PROOFS_OF_DOWN; round++) {
    late(subject);
    health.noteHeard(SHARD, false);
    health.noteLate(SHARD, subject.nowMs - 50);
    health.noteHeard(SHARD, false);
  }
  expect(health.stateOf(SHARD)).toBe('up');
  expect(subject.calls).toStrictEqual([]);
});

test('a loop that is held is no proof: what came meanwhile is read first', async () => {
  const subject = start('fail-fast', true);
  for (let round = 0; round < 2 * PROOFS_OF_DOWN; round++) {
    subject.health.noteLate(SHARD, performance.now() - 50);
    hold(2 * PROOF_EVERY_MS);
    // As a socket's bytes would be, in the next turn of the loop.
    await nextTurn();
    subject.health.noteHeard(SHARD, false);
  }
  expect(subject.health.stateOf(SHARD)).toBe('up');
});

test('no proof: a cut connection, a refusal in words, and one that fails while another is open', () => {
  const subject = start();
  for (let round = 0; round < PROOFS_OF_DOWN; round++) {
    lose(subject, { ...NOT_OPENED, wasOpen: true });
    lose(subject, { ...NOT_OPENED, isUnanswered: false });
    subject.isOpen = true;
    lose(subject);
    subject.isOpen = false;
  }
  expect(subject.health.stateOf(SHARD)).toBe('up');
});

test('a lane that waits for replicas is late without being a proof', () => {
  const { health, pass } = start();
  for (let round = 0; round < PROOFS_OF_DOWN; round++) {
    health.watcherOf(SHARD, 'confirmed').onLate(0);
    pass(PROOF_EVERY_MS);
  }
  expect(health.stateOf(SHARD)).toBe('up');
});

test('a connection that was silent for too long is enough', () => {
  const subject = start();
  down(subject);
  expect(subject.health.stateOf(SHARD)).toBe('down');
});

test('a node without slots is not down: no row could fail by it', () => {
  const subject = start();
  subject.isPrimary = false;
  for (let proofs = 0; proofs < 2 * PROOFS_OF_DOWN; proofs++) late(subject);
  expect(subject.health.stateOf(SHARD)).toBe('up');
  expect(subject.calls).toStrictEqual([]);
});

test('rows fail with what was seen last, and for how long it has been down', () => {
  const subject = start();
  const { health } = subject;
  down(subject);
  subject.pass(1_234);
  const error = health.errorOf(SHARD);
  expect(error).toMatchObject({ code: 'SHARD_UNAVAILABLE', retryable: true, cause: refused });
  expect(error.message).toMatch(/^a:1 has been down for 1234 ms, and its rows fail at once/);
  expect(error.message).toContain('Last seen: connect ECONNREFUSED');
  const loading = new FeatureStoreError('SHARD_UNAVAILABLE', 'a:1 reads its data.');
  health.noteStillDown(SHARD, loading);
  expect(health.errorOf(SHARD).cause).toBe(loading);
});

test('down, words do not bring it up: only a row that is answered, or who asks it', () => {
  const subject = start();
  const { health, calls } = subject;
  const [online, control] = [health.watcherOf(SHARD, 'online'), health.watcherOf(SHARD, 'control')];
  down(subject);
  online.onHeard('greeting');
  control.onHeard('reply');
  expect(health.failsRowsOf(SHARD)).toBe(true);
  online.onHeard('reply');
  expect(health.failsRowsOf(SHARD)).toBe(false);
  down(subject);
  health.noteUp(SHARD);
  health.noteUp(SHARD);
  expect(calls).toStrictEqual(['a:1 down', 'a:1 up', 'a:1 down', 'a:1 up']);
});

test("with 'wait' the state is known, no row fails by it, and any word brings it up", () => {
  const subject = start('wait');
  down(subject);
  expect(subject.health.failsRowsOf(SHARD)).toBe(false);
  subject.health.watcherOf(SHARD, 'control').onHeard('greeting');
  expect(subject.health.stateOf(SHARD)).toBe('up');
});

test('a node that has lost its slots is forgotten; one that has not stays down', () => {
  const subject = start();
  down(subject);
  subject.health.noteTopology();
  expect(subject.health.stateOf(SHARD)).toBe('down');
  subject.isPrimary = false;
  subject.health.noteTopology();
  expect(subject.health.stateOf(SHARD)).toBe('up');
  expect(subject.health.failsRowsOf(SHARD)).toBe(false);
});
