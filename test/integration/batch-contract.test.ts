/**
 * The contract between the store and the cluster holds for what the store does not do yet: rows of
 * any number of commands, groups of fields with a TTL each, and replies that are read into columns.
 * Also in a slot on the move, where ASKING goes between the commands.
 */

import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { startLocalCluster, type LocalCluster } from '../../rig/local-cluster/local-cluster.ts';
import { SlotMover } from '../../rig/soak/slot-mover.ts';
import {
  ColumnValues,
  CommandWriter,
  EncodedRows,
  KeyedCommand,
  KeyedRows,
  KeyPrefix,
  KeyTable,
  slotOf,
  type Batch,
  type Reply,
} from '../../src/cluster/batch.ts';
import { connectNodes } from '../../src/cluster/control/connect.ts';
import type { Connection } from '../../src/cluster/control/connection.ts';
import { Deadline } from '../../src/cluster/delivery/deadline.ts';
import { dispatch } from '../../src/cluster/delivery/dispatch.ts';
import { defaultLimits } from '../../src/cluster/limits.ts';
import type { Gathered } from '../../src/cluster/routing/gather.ts';

const ROWS = 600;
const KEY_TTL_SECONDS = 900;
/** By group of fields. */
const GROUP_TTLS_SECONDS = [100, 200, 300] as const;

let cluster: LocalCluster;
let mover: SlotMover;
let connection: Connection;

beforeAll(async () => {
  cluster = await startLocalCluster({ portFrom: 21_460, replicasPerPrimary: 0 });
  mover = await SlotMover.open(cluster);
});
beforeEach(async () => {
  await connection?.close();
  connection = await connectNodes(
    cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port, redisOptions: {} })),
    {
      limits: defaultLimits,
      connectTimeoutMs: 5_000,
      natMap: undefined,
      warmUp: false,
      credentials: undefined,
    },
  );
});
afterAll(async () => {
  await connection.close();
  await mover[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

async function deliver<Answer>(
  batch: Batch<Answer>,
  purpose: 'online' | 'bulk',
): Promise<Gathered<Answer>> {
  const deadline = new Deadline(20_000, connection.closing);
  try {
    return await dispatch(connection, batch, { deadline, purpose });
  } finally {
    deadline.clear();
  }
}

function keysOf(prefix: string): KeyTable {
  const keys = new KeyTable(new KeyPrefix(prefix), ROWS);
  for (let row = 0; row < ROWS; row++) keys.add(`e${row}`);
  return keys;
}

/** How many groups of fields a row has: 0 to 3. */
const groupCountOf = (row: number): number => row % (GROUP_TTLS_SECONDS.length + 1);

/** HSET and EXPIRE, and for each group a transaction that sets its fields and their TTL. */
function rowsOf(keys: KeyTable): EncodedRows {
  const rows = new EncodedRows(new CommandWriter());
  for (let row = 0; row < keys.count; row++) {
    rows.add(keys, row, ['HSET', 'n', row]);
    rows.add(keys, row, ['EXPIRE', KEY_TTL_SECONDS]);
    for (let group = 0; group < groupCountOf(row); group++) {
      const { writer } = rows;
      const fields = [`g${group}a`, `g${group}b`];
      writer.command(['MULTI']);
      writer.arrayHeader(6);
      writer.bulkString('HSET');
      writer.key(keys, row);
      for (const field of fields) for (const word of [field, String(row)]) writer.bulkString(word);
      writer.arrayHeader(4 + fields.length + 1);
      writer.bulkString('HEXPIRE');
      writer.key(keys, row);
      for (const word of [String(GROUP_TTLS_SECONDS[group]), 'FIELDS', '2', ...fields]) {
        writer.bulkString(word);
      }
      writer.command(['EXEC']);
      rows.endCommand(4);
    }
    rows.endRow();
  }
  return rows;
}

/** A row's answer is how many replies it had. */
const countOf = (replies: readonly Reply[]): number => replies.length;

/** The TTLs that servers report of each row: of the key, and of a field of each group. */
function ttlBatch(keys: KeyTable): Batch<readonly number[]> {
  const rows = new EncodedRows(new CommandWriter());
  for (let row = 0; row < keys.count; row++) {
    rows.add(keys, row, ['TTL']);
    for (let group = 0; group < groupCountOf(row); group++) {
      rows.add(keys, row, ['HTTL', 'FIELDS', 1, `g${group}b`]);
    }
    rows.endRow();
  }
  const answerOf = (replies: readonly Reply[]): number[] => replies.flat().map(Number);
  return { keys, commands: rows, replies: { answerOf } };
}

it.each([
  ['whole', 'online'],
  ['whole', 'bulk'],
  ['half-moved', 'online'],
  ['half-moved', 'bulk'],
] as const)('rows of 2 to 14 commands, over %s slots, %s', async (state, purpose) => {
  const prefix = `${state}-${purpose}:`;
  const keys = keysOf(prefix);
  if (state === 'half-moved') {
    // Rows are there already, and some of them have moved: ASK, and TRYAGAIN for what is in between.
    await deliver({ keys, commands: rowsOf(keys), replies: { answerOf: countOf } }, 'bulk');
  }
  const slots = [0, 7, 11].map((row) => slotOf(`${prefix}e${row}`));
  const moves =
    state === 'half-moved' ? await Promise.all(slots.map((slot) => mover.begin(slot))) : [];
  for (const move of moves) await mover.moveKey(move);

  const batch = { keys, commands: rowsOf(keys), replies: { answerOf: countOf } };
  const { answers, failures } = await deliver(batch, purpose);
  expect([...failures.values()].map(({ message }) => message)).toStrictEqual([]);
  expect(answers).toStrictEqual(
    Array.from({ length: ROWS }, (_, row) => 2 + 4 * groupCountOf(row)),
  );

  const { shards } = connection.counters.snapshot();
  const redirects = Object.values(shards).reduce((sum, shard) => sum + shard.redirects, 0);
  expect(redirects > 0).toBe(state === 'half-moved');

  const read = await deliver(ttlBatch(keys), purpose);
  const wanted = (row: number): number[] => [
    KEY_TTL_SECONDS,
    ...GROUP_TTLS_SECONDS.slice(0, groupCountOf(row)),
  ];
  for (const [row, ttls] of read.answers.entries()) {
    expect(ttls).toHaveLength(wanted(row).length);
    for (const [at, ttl] of (ttls ?? []).entries()) {
      expect(ttl).toBeGreaterThan((wanted(row)[at] ?? 0) - 60);
      expect(ttl).toBeLessThanOrEqual(wanted(row)[at] ?? 0);
    }
  }
  for (const move of moves) await mover.finish(move);
});

it('replies are read into columns, without a row object', async () => {
  const keys = keysOf('columns:');
  await deliver({ keys, commands: rowsOf(keys), replies: { answerOf: countOf } }, 'bulk');
  const numbers = new Float64Array(ROWS);
  const isPresent = new Uint8Array(ROWS);
  const columns = new ColumnValues(2);
  const take = (row: number, values: readonly unknown[]): true => {
    numbers[row] = Number(values[0]);
    isPresent[row] = values[1] === null ? 0 : 1;
    return true;
  };
  const usual = { columns, answerOfColumns: (row: number) => take(row, columns.values) };
  const replies = {
    answerOf: ([values]: readonly Reply[], row: number) => take(row, values as unknown[]),
    usual,
  };
  const commands = new KeyedRows(new KeyedCommand('HMGET', ['n', 'g1a']), keys);
  const { answers } = await deliver({ keys, commands, replies }, 'bulk');
  expect(answers.every((answer) => answer === true)).toBe(true);
  expect([...numbers]).toStrictEqual(Array.from({ length: ROWS }, (_, row) => row));
  expect([...isPresent]).toStrictEqual(
    Array.from({ length: ROWS }, (_, row) => (groupCountOf(row) > 1 ? 1 : 0)),
  );
});
