/**
 * The limits of the cluster layer, each with its reason. Everything that can grow has one. Those of
 * `ClusterLimits` are given to a connection, so that tests can try others; the rest are fixed.
 */

export interface Pace {
  /** Rows of bulk replies that are read in one turn of the event loop, over all lanes. */
  readonly rowsPerTurn: number;
  /**
   * Rows of a chunk that are sent at once, the next when they are answered; beside online reads
   * that many on a link of `linkMs`, and more on a longer one.
   */
  readonly rowsPerWrite: number;
  /** COUNT of a page of SCAN: keys that the server looks at before it answers anybody else. */
  readonly keysPerPage: number;
  /** The least pause after a page of SCAN; with one, pages come one after the other. */
  readonly pagePauseMs: number;
  /** Chunks that may be under way on one lane. */
  readonly chunksInFlight: number;
}

export interface BulkPaces {
  readonly alone: Pace;
  readonly besideOnlineReads: Pace;
  /** The round trip within one rack or machine. */
  readonly linkMs: number;
  /** Without an online read for this long, bulk work is alone. */
  readonly quietMs: number;
}

/** What a lane is held to. */
export interface LaneLimits {
  readonly chunksInFlight: number;
  /**
   * A lane that owes replies and is silent this long is closed, so that they can never come late.
   */
  readonly silenceMs: number;
  /** After this long a silence is reported, again and again. */
  readonly suspicionMs: number;
  /** How long logins that are refused are tried again before rows fail with it. */
  readonly loginPatienceMs: number;
}

export interface ClusterLimits {
  /**
   * Rows in one pipeline.
   * @default 500
   */
  readonly rowsPerChunk: number;
  /**
   * Bytes of keys, names and values in one pipeline.
   * @default 1_048_576
   */
  readonly bytesPerChunk: number;
  /**
   * How fast bulk work may go; a lane for online reads that is crowded has `alone.chunksInFlight`
   * too.
   */
  readonly bulkPaces: BulkPaces;
  /**
   * A lane that owes replies and is silent this long is closed and opened again.
   * @default 5_000
   */
  readonly silenceMs: number;
  /**
   * A node that owes replies and is silent this long may have been replaced: the slot table is
   * refreshed.
   * @default 400
   */
  readonly suspicionMs: number;
  /**
   * How long a primary may wait for its replicas after a chunk that asks for them, in ms; shorter
   * than `silenceMs`, since the primary says nothing meanwhile.
   * @default 1_000
   */
  readonly replicaWaitMs: number;
  /**
   * The same where they did not come the last time: the rows after them need not all wait as long.
   * @default 50
   */
  readonly lateReplicaWaitMs: number;
  /**
   * How often the connection may be lost while it owes one row alone; then the row fails.
   * @default 8
   */
  readonly cutsOfOneRow: number;
  /**
   * MOVED and ASK that a row follows without a pause in between.
   * @default 5
   */
  readonly redirectsInARow: number;
  /**
   * The first pause before a row is sent again; it doubles, with jitter, up to `maxPauseMs`.
   * @default 20
   */
  readonly firstPauseMs: number;
  /** @default 500 */
  readonly maxPauseMs: number;
  /**
   * The least time between two refreshes of the slot table.
   * @default 100
   */
  readonly refreshEveryMs: number;
  /**
   * After a sign that the slot table is old it is refreshed once more after this long, and then
   * after twice as long, up to `refreshIntervalMs`, with jitter: what has begun to change goes on,
   * and may not show again.
   * @default 500
   */
  readonly refreshAgainMs: number;
  /**
   * The slot table is refreshed this often, with jitter, without any sign that it is old.
   * @default 15_000
   */
  readonly refreshIntervalMs: number;
  /**
   * How long a login with credentials that are asked for may be refused before rows fail with it:
   * the server and the caller's function need not change in the same moment.
   * @default 5_000
   */
  readonly loginPatienceMs: number;
  /**
   * How long one node may take to report the slot table.
   * @default 1_000
   */
  readonly refreshTimeoutMs: number;
  /**
   * When one node has reported the slot table, how much longer the others are waited for.
   * @default 100
   */
  readonly refreshGraceMs: number;
}

export const defaultLimits: ClusterLimits = {
  rowsPerChunk: 500,
  bytesPerChunk: 1_048_576,
  bulkPaces: {
    alone: {
      rowsPerTurn: 256,
      rowsPerWrite: 500,
      keysPerPage: 1_000,
      pagePauseMs: 0,
      chunksInFlight: 4,
    },
    besideOnlineReads: {
      rowsPerTurn: 16,
      rowsPerWrite: 16,
      keysPerPage: 32,
      pagePauseMs: 1,
      chunksInFlight: 1,
    },
    linkMs: 0.25,
    quietMs: 250,
  },
  silenceMs: 5_000,
  suspicionMs: 400,
  replicaWaitMs: 1_000,
  lateReplicaWaitMs: 50,
  cutsOfOneRow: 8,
  redirectsInARow: 5,
  firstPauseMs: 20,
  maxPauseMs: 500,
  refreshEveryMs: 100,
  refreshAgainMs: 500,
  refreshIntervalMs: 15_000,
  loginPatienceMs: 5_000,
  refreshTimeoutMs: 1_000,
  refreshGraceMs: 100,
};

// delivery/: how often, and how much at a time

/** Rows that are routed in one turn of the event loop: about as long as `rowsPerTurn` are read. */
export const ROWS_ROUTED_PER_TURN = 1_000;
/** Rows that fail by a deadline in one turn: all of a million may. */
export const LATE_ROWS_PER_TURN = 5_000;
/** Cuts of connections under the same rows that cost no pause; then the node is not well. */
export const CUTS_IN_A_ROW = 6;
/** The pause after the second of them, in ms; it doubles. */
export const FIRST_PAUSE_AFTER_CUT_MS = 1;
/** How long a primary is waited for, in ms, that does not say which commands it knows. */
export const COMMAND_PATIENCE_MS = 250;
/** How long the question goes on, in ms. */
export const COMMAND_QUESTION_MS = 5_000;
/** Pages of SCAN under way, each of another shard. */
export const PAGES_AT_ONCE = 64;
/** The same beside online reads, where they come one after the other: a late one holds up no other. */
export const PAGES_IN_TURN = 4;
/** What a lost connection divides the keys of a page by: it may have been too large. */
export const FEWER_KEYS_AFTER_LOSS = 4;

// control/: who is asked, and how long

/** Longest time that a Node timer can wait, in ms: 31 bits. */
export const MAX_TIMER_MS = 2_147_483_647;

/** The least time between two departures from one address, in ms: it may stay a replica. */
export const LEAVE_EVERY_MS = 500;
/** How often lanes that were left are looked at, in ms, until they have read what they are owed. */
export const SWEEP_EVERY_MS = 100;
/** How long a page of SCAN beside online reads is waited for before the next is asked for, in ms. */
export const LONGEST_PAGE_TURN_MS = 20;
/** Lanes that are opened or closed in one turn of the event loop: a few milliseconds. */
export const LANES_PER_TURN = 16;
/**
 * Nodes that a cluster is advised to have at the most. Above, a node says its id alone where it is
 * asked who it is: to have each report the whole table would take their number squared.
 * https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
 */
export const NODES_ADVISED = 1_000;
/** Nodes that are asked for the slot table at once: one alone may be behind, or dead. */
export const NODES_PER_REFRESH = 3;
/** How long a cluster of which some slots have no owner is waited for at `connect`, in ms. */
export const SETTLE_MS = 2_000;
/** How long the other seeds may take once one can be used, in ms: they may be of another cluster. */
export const SEED_GRACE_MS = 1_000;
/** Pauses between attempts to connect, in ms; they double. */
export const FIRST_CONNECT_PAUSE_MS = 50;
export const MAX_CONNECT_PAUSE_MS = 1_000;
/** An attempt to connect may take this part of the whole time, but never less than the other. */
export const ATTEMPT_PART: number = 1 / 3;
export const MIN_ATTEMPT_MS = 1_000;
/**
 * Proofs in a row that a node does not answer before it is taken for down: one may be a lost
 * packet, two a server that forks.
 */
export const PROOFS_OF_DOWN = 3;
/**
 * The least time from one proof to the next, in ms, and how long a node may still answer after a
 * deadline before that is one: a thousand rows that are late at once are late for one reason.
 */
export const PROOF_EVERY_MS = 25;
/**
 * How long a node was silent, in ms, that is taken for down by deadlines. As long as Linux waits
 * before it sends a lost packet again; a server that forks, or is only slow, has answered by then.
 */
export const SILENCE_OF_DOWN_MS = 200;
/** How often a node that is down is asked whether it is back, in ms: half of what that may take. */
export const PROBE_EVERY_MS = 40;
/** Nodes that are down and asked at once: all of a thousand may be, where the network is. */
export const PROBES_AT_ONCE = 16;
/** How long one attempt to reach a node that is down may take, in ms: packets may be lost. */
export const PROBE_CONNECT_MS = 1_000;
/** How often the slot table is refreshed while a node is down, in ms: a replica may take over. */
export const REFRESH_WHILE_DOWN_MS = 250;
/**
 * How long a node that is back may say that its cluster is down, in ms. A primary that was
 * restarted says so for 2 s (CLUSTER_WRITABLE_DELAY); after that it is what rows are answered.
 */
export const REJOIN_MS = 4_000;
/** Credentials are renewed this long before they expire at the latest, in ms. */
export const RENEWAL_MARGIN_MS = 60_000;

/** Pauses between renewals of credentials that fail, in ms; they double. */
export const FIRST_RENEWAL_PAUSE_MS = 250;
export const MAX_RENEWAL_PAUSE_MS = 30_000;

// routing/

/** Slots of a cluster: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ */
export const SLOT_COUNT = 16_384;
/** The highest port of TCP. */
export const MAX_PORT = 65_535;
/** Ranges of a slot table that are read in one turn of the event loop: a few milliseconds. */
export const RANGES_PER_TURN = 1_000;
/** Characters of a server's words that an error shows: they are read by people, in logs. */
export const SHOWN_WORDS_CHARACTERS = 300;

// lanes/: bytes in flight

/** Exchanges under way on a lane for online reads before more of them queue. */
export const CROWD = 1_024;
/** The quickest round trip counts less with each that follows: a link may have become slower. */
export const FORGETTING = 1.02;
/** Rows of replies to online reads that are read in one turn, over all lanes: some milliseconds. */
export const PROMPT_ROWS_PER_TURN = 256;
/**
 * A request from this size on is sent without a copy of it, which would cost more than a write of
 * its own, in memory above all.
 */
export const LARGE_REQUEST_BYTES = 65_536;
/** Replies to one row that are longer are not read from their start again when more has come. */
export const LONG_ROW_BYTES = 16_384;
/** Up to here libuv writes a string from its stack (StreamBase::WriteString). */
export const MAX_TEXT_WRITE_BYTES = 16_384;
/** Pauses before a connection is opened again that could not be opened, in ms; they double. */
export const FIRST_REOPEN_PAUSE_MS = 5;
export const MAX_REOPEN_PAUSE_MS = 500;
/** A connection that was open this long, in ms, was of use, even if nobody has used it. */
export const LONG_LIFE_MS = 1_000;
/** What a server says first is kept up to here: a refusal is one line. */
export const MAX_FIRST_WORDS_BYTES = 512;

// resp/: what is read and written

/** A string of a reply: the server's own limit, proto-max-bulk-len. */
export const MAX_BULK_BYTES = 536_870_912;
/** A line of a reply, such as an error. */
export const MAX_LINE_BYTES = 65_536;
/** Items of an array, and arrays in arrays: more is not RESP, but bytes gone wrong. */
export const MAX_ITEMS = 16_777_216;
export const MAX_DEPTH = 16;
/** Up to this many characters a loop is quicker than a call that leaves JavaScript. */
export const SHORT_TEXT = 64;
/** Commands are kept ready for keys that are this much longer than the prefix; longer ones are few. */
export const MAX_TEMPLATE_REST = 64;
/** A writer begins anew with as much room as was last used, up to here. */
export const MAX_FIRST_BYTES = 1_048_576;
/** Above, making text of all bytes again with each chunk would cost more than it saves. */
export const MAX_CHUNK_TEXT_BYTES = 262_144;
/** Bytes of replies that a part of a chunk may have: servers bound what they owe a client. */
export const PART_BYTES = 524_288;
/** Rows of a part: after that many a loss in the middle of one is forgotten. */
export const MAX_PART_ROWS = 10_000;
/** Bytes of replies that count as one row, where rows are counted in a turn. */
export const BYTES_PER_ROW = 512;
