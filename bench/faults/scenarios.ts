/** The faults, one after the other, and how each is made. */

import { setTimeout as pause } from 'node:timers/promises';
import type { RedisNode } from '../../rig/local-cluster/redis-node.ts';
import { promotion } from '../../rig/soak/failover.ts';
import { SlotMover } from '../../rig/soak/slot-mover.ts';
import { sample } from '../../src/synthetic/seeded-random.ts';
import type { Stage } from './stage.ts';
import { CallTally, type Tally } from './tally.ts';

export interface Measured {
  readonly tally: Tally;
  /** From `since` to the end of the first call that was right in every row; null: none was. */
  readonly rightAfterMs: number | null;
  /** What else is to be known of this run. */
  readonly facts: Readonly<Record<string, number>>;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What is done, and what is read. */
  readonly what: string;
  /** Where the time of `rightAfterMs` begins. */
  readonly since: string;
  readonly timeoutMs: number;
  readonly nodeTimeoutMs: number;
  run(stage: Stage): Promise<Measured>;
}

const CALLS = 10;
const TIMEOUT_MS = 5_000;
const FAILOVER_TIMEOUT_MS = 15_000;
const SILENCE_TIMEOUT_MS = 2_000;
/** The cluster replaces a node that is silent for so long. */
const QUICK_NODE_TIMEOUT_MS = 2_000;
/** No node is taken for dead in these. */
const NO_FAILOVER_MS = 120_000;
/** Who is not right by then is never right again. */
export const RIGHT_WITHIN_MS = 10_000;
/** The same, after a kill. */
export const RECOVERY_MS = 30_000;
const CHURN_MS = 10_000;
const SLOTS_PER_WAVE = 100;
const SLOTS_AT_ONCE = 8;

const halfMoved: Scenario = {
  name: 'ask',
  title: 'A slot is half moved',
  what: `One slot of 25 rows is under way to another primary, 12 of its keys are there (ASK); ${CALLS} calls.`,
  since: 'the end of the move',
  timeoutMs: TIMEOUT_MS,
  nodeTimeoutMs: NO_FAILOVER_MS,
  run: async (stage) => {
    await using mover = await SlotMover.open(stage.cluster);
    const [slot = 0] = stage.rows.busySlots;
    const move = await mover.begin(slot);
    await mover.moveKeys(move, 12);
    const tally = await calls(stage, CALLS);
    await mover.finish(move);
    await mover.settle();
    return { tally, rightAfterMs: await stage.untilRight(RIGHT_WITHIN_MS), facts: {} };
  },
};

const oneMoved: Scenario = {
  name: 'moved',
  title: 'A slot has moved',
  what: `One slot of 25 rows has moved since the client read the slot table (MOVED); ${CALLS} calls.`,
  since: 'the first call',
  timeoutMs: TIMEOUT_MS,
  nodeTimeoutMs: NO_FAILOVER_MS,
  run: (stage) => afterMoves(stage, stage.rows.busySlots.slice(0, 1)),
};

const severalMoved: Scenario = {
  name: 'moved-several',
  title: 'Several slots have moved',
  what: `Eight slots of 25 rows each have moved, each to another primary; ${CALLS} calls.`,
  since: 'the first call',
  timeoutMs: TIMEOUT_MS,
  nodeTimeoutMs: NO_FAILOVER_MS,
  run: (stage) => afterMoves(stage, stage.rows.busySlots),
};

const killed: Scenario = {
  name: 'sigkill',
  title: 'A primary is killed',
  what: 'SIGKILL, and one call at once, with a deadline that outlasts the failover.',
  since: 'the promotion of the replica',
  timeoutMs: FAILOVER_TIMEOUT_MS,
  nodeTimeoutMs: QUICK_NODE_TIMEOUT_MS,
  run: async (stage) => {
    const victim = await pickPrimary(stage);
    const tally = new CallTally();
    const startedAtMs = performance.now();
    let recovery: Promise<number | null> = Promise.resolve(null);
    const { atMs } = await promotion(stage.cluster, victim.port, async () => {
      await stage.cluster.kill(victim.port);
      recovery = recover(stage, tally);
      recovery.catch(() => undefined); // awaited below
    });
    const rightAtMs = await recovery;
    return {
      tally: tally.sum,
      rightAfterMs: rightAtMs === null ? null : Math.max(0, rightAtMs - atMs),
      facts: { promotedAfterMs: atMs - startedAtMs },
    };
  },
};

const stopped: Scenario = {
  name: 'sigstop',
  title: 'A primary falls silent',
  what: 'SIGSTOP, no failover, and one call; then SIGCONT.',
  since: 'SIGCONT',
  timeoutMs: SILENCE_TIMEOUT_MS,
  nodeTimeoutMs: NO_FAILOVER_MS,
  run: async (stage) => {
    const victim = await pickPrimary(stage);
    stage.cluster.signal(victim.port, 'SIGSTOP');
    let tally: Tally;
    try {
      tally = await calls(stage, 1);
    } finally {
      stage.cluster.signal(victim.port, 'SIGCONT');
    }
    return { tally, rightAfterMs: await stage.untilRight(RIGHT_WITHIN_MS), facts: {} };
  },
};

const churn: Scenario = {
  name: 'churn',
  title: 'Slots move all the time',
  what: `Waves of ${SLOTS_PER_WAVE} slots, ${SLOTS_AT_ONCE} at once, for ${CHURN_MS / 1_000} s; calls without a pause.`,
  since: 'the end of the last move',
  timeoutMs: TIMEOUT_MS,
  nodeTimeoutMs: NO_FAILOVER_MS,
  run: async (stage) => {
    await using mover = await SlotMover.open(stage.cluster);
    const tally = new CallTally();
    const endAtMs = performance.now() + CHURN_MS;
    const over = new AbortController();
    const moving = moveUntil(stage, mover, endAtMs).finally(() => over.abort());
    while (!over.signal.aborted) await stage.read(tally);
    const slotsMoved = await moving;
    return {
      tally: tally.sum,
      rightAfterMs: await stage.untilRight(RIGHT_WITHIN_MS),
      facts: { slotsMoved },
    };
  },
};

export const scenarios: readonly Scenario[] = [
  halfMoved,
  oneMoved,
  severalMoved,
  killed,
  stopped,
  churn,
];

async function calls(stage: Stage, count: number): Promise<Tally> {
  const tally = new CallTally();
  for (let call = 0; call < count; call++) await stage.read(tally);
  return tally.sum;
}

async function afterMoves(stage: Stage, slots: readonly number[]): Promise<Measured> {
  await using mover = await SlotMover.open(stage.cluster);
  const owners = mover.owners;
  for (const [at, primary] of mover.primaries.entries()) {
    const to = mover.primaries[(at + 1) % mover.primaries.length] ?? primary;
    const its = slots.filter((slot) => owners[slot] === primary);
    await mover.moveAll(its, to, SLOTS_AT_ONCE);
  }
  const tally = new CallTally();
  const startedAtMs = performance.now();
  let rightAfterMs: number | null = null;
  for (let call = 0; call < CALLS; call++) {
    if (await stage.read(tally)) rightAfterMs ??= performance.now() - startedAtMs;
  }
  if (rightAfterMs === null) {
    const tookMs = performance.now() - startedAtMs;
    const moreMs = await stage.untilRight(RIGHT_WITHIN_MS);
    rightAfterMs = moreMs === null ? null : tookMs + moreMs;
  }
  return { tally: tally.sum, rightAfterMs, facts: {} };
}

/** The first call is judged; the others tell when all is right again, by performance.now(). */
async function recover(stage: Stage, tally: CallTally): Promise<number | null> {
  const startedAtMs = performance.now();
  if (await stage.read(tally)) return performance.now();
  const tookMs = performance.now() - startedAtMs;
  const moreMs = await stage.untilRight(RECOVERY_MS - tookMs);
  return moreMs === null ? null : performance.now();
}

async function moveUntil(stage: Stage, mover: SlotMover, endAtMs: number): Promise<number> {
  let slotsMoved = 0;
  for (let wave = 0; performance.now() < endAtMs; wave++) {
    const to = mover.primaries[wave % mover.primaries.length];
    if (to === undefined) throw new Error('there are no primaries');
    const slots = sample(stage.random, stage.rows.slots, SLOTS_PER_WAVE);
    slotsMoved += await mover.moveAll(slots, to, SLOTS_AT_ONCE);
    await pause(0);
  }
  return slotsMoved;
}

async function pickPrimary(stage: Stage): Promise<RedisNode> {
  const primaries = await stage.cluster.primaries();
  const [first] = sample(stage.random, primaries, 1);
  if (first === undefined) throw new Error('there are no primaries');
  return first;
}
