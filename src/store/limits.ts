/**
 * The limits of the store, each with its reason. Everything that can grow has one. What is sent at
 * once, and how often, are limits of the cluster layer (cluster/limits.ts).
 */

import { MAX_TIMER_MS, SLOT_COUNT } from '../cluster/limits.ts';

// What callers give: more than this is refused, with the limit in the message.

/** Bytes of an id. Keys are held by every server and sent with every command: they are short. */
export const MAX_ID_BYTES = 4_096;
/** Bytes of a feature's name; the same reason. */
export const MAX_NAME_BYTES = 4_096;
/** Bytes of the name of a stream; it is a part of a field's name. */
export const MAX_STREAM_BYTES = 256;
/** Bytes of one value: a server that sends it serves nobody else meanwhile. */
export const MAX_VALUE_BYTES = 8_388_608;
/** Features of one row, and names of one read: HMGET of them takes a server milliseconds. */
export const MAX_FEATURES = 10_000;
/** Of all names and values of a row: what a server may take at once is not far above. */
export const MAX_ROW_BYTES = 67_108_864;
/** Members of one group share one slot, and one slot cannot be split: keep groups small. */
export const MAX_GROUP_MEMBERS = 10_000;
/** The name of a group is a part of every member's key. */
export const MAX_GROUP_NAME_BYTES = 4_096;
/** Nodes to begin with: each is asked at `connect`. */
export const MAX_NODES = 1_000;
/** Longest name of a host: https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4 */
export const MAX_HOST_CHARACTERS = 253;
/** Longest time that a Node timer can wait. */
export const MAX_TIMEOUT_MS: number = MAX_TIMER_MS;
/** A hundred years: below every limit that servers put on an expiry. */
export const MAX_TTL_SECONDS = 3_153_600_000;
/** The latest time that a Date can be, in Unix milliseconds. */
export const MAX_EVENT_TIME_MS = 8_640_000_000_000_000;
/** Bytes of a record of VIP groups up to which it has their members; each store reads it. */
export const MAX_RECORDED_BYTES = 1_048_576;
/** How long a write waits until the record is written, in ms: without it, it goes on. */
export const GROUP_PATIENCE_MS = 100;
/** How long the record is waited for at `connect`, and how often it is written again, in ms. */
export const GROUP_RECORD_MS = 1_000;
/** Replicas that a write may wait for; no primary has as many. */
export const MAX_REPLICAS = 100;
/** The highest database: a server counts them in 31 bits (redis 8.0, config.c). */
export const MAX_DATABASE = 2_147_483_646;
/** Ids in one chunk of a stream: 10,000 fill chunks for every shard, and a million rows fit in memory. */
export const DEFAULT_CHUNK_SIZE = 10_000;
export const MAX_CHUNK_SIZE = 1_000_000;
/** Ids of `listEntityIds`, which holds them all. */
export const DEFAULT_LISTED_IDS = 200;
export const MAX_LISTED_IDS = 10_000_000;

// What is online work: a read of more ids, or values, is bulk work on lanes of its own.

/** So that no single read waits for more. */
export const MAX_ONLINE_IDS = 1_000;
/** Over all ids of the read. */
export const MAX_ONLINE_VALUES = 100_000;

// What is done in one turn of the event loop: a few milliseconds each.

/** Ids whose keys are made, and failed rows that are listed. */
export const IDS_PER_TURN = 5_000;
/** Ids that are pulled from a source; its own code runs for each. */
export const IDS_PULLED_PER_TURN = 1_000;
/** Rows that are encoded or checked, each of some features. */
export const ROWS_ENCODED_PER_TURN = 100;
/** Features of a usual row: one of more counts as several rows. */
export const FEATURES_PER_ROW = 16;
/** Fields of one entity. */
export const FIELDS_PER_TURN = 2_000;

// What a load holds.

/** Rows and bytes of a window: enough to fill chunks for every shard of a cluster. */
export const ROWS_PER_WINDOW = 10_000;
export const BYTES_PER_WINDOW = 8_388_608;
/** What is under way: as much as two windows, so that one is sent while the next is encoded. */
export const ROWS_UNDER_WAY = 20_000;
export const BYTES_UNDER_WAY = 16_777_216;
/** Windows of a slow source are small; one that waits for a dead shard holds up no other. */
export const WINDOWS_UNDER_WAY = 256;
/** How long a streaming row waits for others to be sent with, in ms. */
export const DEFAULT_MAX_DELAY_MS = 100;
/** Of rows that are all at hand, this many bytes are encoded before the first is sent. */
export const BYTES_AHEAD = 16_777_216;
/** A window's buffer has as much room as the last one needed, times this: it need not grow. */
export const ROOM_TO_GROW = 1.1;
/** A load with more failed rows than this is stopped: something is wrong with all of it. */
export const MAX_FAILED_ROWS = 1_000_000;

// What is kept for the next call.

/** A buffer of single rows is filled up to here; one row of any length fits in it still. */
export const BUFFER_BYTES = 16_384;
/** Bytes of encoded names; the writes of a store share them for as long as it lives. */
export const MAX_KEPT_NAME_BYTES = 8_388_608;
/** Writers of streaming features, by TTL; callers use few. */
export const MAX_KEPT_WRITERS = 64;
/** Words of commands that depend on the number of features are kept for rows of up to this many. */
export const MAX_KEPT_FEATURES = 64;

// What a message shows: it is read by people, in logs.

export const SHOWN_VALUE_CHARACTERS = 60;
export const SHOWN_REPLY_CHARACTERS = 200;
export const SHOWN_GROUPS = 5;

/** What a store refuses above; each is a whole number. */
export interface Limits {
  /** Bytes of an id, in UTF-8. */
  readonly idBytes: number;
  /** Bytes of a feature's name, in UTF-8. */
  readonly nameBytes: number;
  /** Bytes of one value. */
  readonly valueBytes: number;
  /** Features of one row, and names of one read. */
  readonly featuresPerRow: number;
  /** Bytes of all names and values of one row. */
  readonly rowBytes: number;
  /** Members of one VIP group. */
  readonly groupMembers: number;
  /** A TTL, in seconds: a hundred years. */
  readonly ttlSeconds: number;
  /** A time-out, in milliseconds. */
  readonly timeoutMs: number;
  /** Replicas that a write may wait for. */
  readonly minReplicas: number;
  /** Ids in one chunk of a stream. */
  readonly chunkSize: number;
  /** Ids of one `listEntityIds`. */
  readonly listedIds: number;
  /** Slots of a cluster. */
  readonly slotCount: number;
}

/** The limits of every store. What is above is refused before anything is sent. */
export const limits: Limits = Object.freeze({
  idBytes: MAX_ID_BYTES,
  nameBytes: MAX_NAME_BYTES,
  valueBytes: MAX_VALUE_BYTES,
  featuresPerRow: MAX_FEATURES,
  rowBytes: MAX_ROW_BYTES,
  groupMembers: MAX_GROUP_MEMBERS,
  ttlSeconds: MAX_TTL_SECONDS,
  timeoutMs: MAX_TIMEOUT_MS,
  minReplicas: MAX_REPLICAS,
  chunkSize: MAX_CHUNK_SIZE,
  listedIds: MAX_LISTED_IDS,
  slotCount: SLOT_COUNT,
});
