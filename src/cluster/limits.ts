/** The limits of the cluster layer. Everything that can grow has one. */

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

/**
 * A request from this size on is sent without being copied: a copy costs more than a write of its
 * own, in memory above all.
 */
export const LARGE_REQUEST_BYTES = 65_536;
/** Replies to one row that are longer are not read from their start again when more has come. */
export const LONG_ROW_BYTES = 16_384;
