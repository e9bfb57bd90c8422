/**
 * Every option of ioredis, and what becomes of it here.
 *
 * - obeyed: it holds for every connection that the store opens; of a given Cluster's own options,
 *   for that object, which the store only asks for its nodes;
 * - overridden: any value is accepted, and the store decides by itself, since it reads the replies,
 *   retries, and reconnects in its own way;
 * - refused: INVALID_OPTION, as it would do nothing, or something that was not meant.
 *
 * A new option of ioredis does not compile until it has a row. docs/options.md shows the rows.
 */

import type { ClusterOptions, RedisOptions } from '../lanes/ioredis.ts';

export type Treatment = 'obeyed' | 'overridden' | 'refused';

export interface OptionRow {
  /** In `redisOptions`, with `nodes`. */
  readonly redisOptions: Treatment;
  /** In the options that a given `redis` was made with. */
  readonly redis: Treatment;
  readonly why: string;
}

const row = (redisOptions: Treatment, redis: Treatment, why: string): OptionRow => ({
  redisOptions,
  redis,
  why,
});
const obeyed = (why: string): OptionRow => row('obeyed', 'obeyed', why);
const overridden = (why: string): OptionRow => row('overridden', 'overridden', why);
const refused = (why: string): OptionRow => row('refused', 'refused', why);
/** What says where the server is: `nodes` does so, and a given object has it of its own. */
const place = (why: string): OptionRow => row('refused', 'obeyed', why);

const SENTINEL = 'Sentinels are not reached by nodes; give a redis that was made with them.';
const NO_COMMANDS = 'The store sends no command of this kind.';
const OWN_QUEUE = 'Rows wait in the store, by their deadline, and never in ioredis.';
const OWN_RETRY = 'The store decides row by row what is sent again.';
const OWN_OBJECT = 'Stays with the given object; the connections that the store opens have none.';
const OF_CLUSTER = 'Of the given Cluster alone; the store has a slot table and retries of its own.';

export const REDIS_OPTIONS: Readonly<Record<keyof RedisOptions, OptionRow>> = {
  host: place('nodes says where the servers are.'),
  port: place('nodes says where the servers are.'),
  path: place('nodes says where the servers are; a Unix socket is reached by a given redis.'),
  family: obeyed('4, 6, or 0 for both.'),
  tls: obeyed('rediss:// in a node does so too.'),
  Connector: obeyed('Asked for the stream of each connection; it may read options of its own.'),
  connectTimeout: obeyed('Of one attempt to connect.'),
  disconnectTimeout: obeyed('How long an ending connection may take.'),
  keepAlive: obeyed('Of each socket.'),
  noDelay: obeyed('Of each socket.'),
  connectionName: obeyed("With what it is for after it: 'name:online'."),
  disableClientInfo: obeyed('Leaves CLIENT SETINFO out.'),
  clientInfoTag: obeyed('In CLIENT LIST: lib-name=ioredis(tag).'),
  username: obeyed('Or credentials, which are asked for at each login.'),
  password: obeyed('Or credentials, which are asked for at each login.'),
  db: obeyed('On one server, and on a cluster that has databases (Valkey 9); else refused.'),
  protocol: obeyed('2 or 3; 3 falls back to 2 where the server knows no RESP3.'),
  keyPrefix: refused("It would be put before the store's own keyPrefix."),
  monitor: refused('MONITOR would take the place of the replies.'),
  sentinels: place(SENTINEL),
  name: place(SENTINEL),
  role: place(SENTINEL),
  sentinelUsername: place(SENTINEL),
  sentinelPassword: place(SENTINEL),
  sentinelRetryStrategy: place(SENTINEL),
  sentinelReconnectStrategy: place(SENTINEL),
  preferredSlaves: place(SENTINEL),
  sentinelCommandTimeout: place(SENTINEL),
  enableTLSForSentinelMode: place(SENTINEL),
  sentinelTLS: place(SENTINEL),
  updateSentinels: place(SENTINEL),
  sentinelMaxConnections: place(SENTINEL),
  failoverDetector: place(SENTINEL),
  natMap: place('It maps addresses of sentinels here; for nodes give natMap to connect.'),
  lazyConnect: overridden('Connections open when they are first used; warmUp opens them at once.'),
  retryStrategy: overridden('The store reconnects in a pace of its own, as long as it is open.'),
  reconnectOnError: overridden(OWN_RETRY),
  maxRetriesPerRequest: overridden(OWN_RETRY),
  autoResendUnfulfilledCommands: overridden(OWN_RETRY),
  commandTimeout: overridden('timeoutMs is the deadline of a call.'),
  socketTimeout: overridden('A silent connection that owes replies is closed after 5 s.'),
  blockingTimeout: overridden(NO_COMMANDS),
  blockingTimeoutGrace: overridden(NO_COMMANDS),
  autoResubscribe: overridden(NO_COMMANDS),
  scripts: overridden(NO_COMMANDS),
  himportFieldsets: overridden(NO_COMMANDS),
  readOnly: overridden('Reads are from primaries.'),
  stringNumbers: overridden('Values are strings.'),
  replyMapping: overridden('The store reads the replies itself.'),
  maxLoadingRetryTime: overridden('LOADING is a reply, and waited for until the deadline.'),
  enableReadyCheck: overridden('LOADING is a reply, and waited for until the deadline.'),
  enableOfflineQueue: overridden(OWN_QUEUE),
  offlineQueue: overridden(OWN_QUEUE),
  commandQueue: overridden(OWN_QUEUE),
  enableAutoPipelining: overridden('What is issued in one tick shares one write anyhow.'),
  autoPipeliningIgnoredCommands: overridden('What is issued in one tick shares one write anyhow.'),
  showFriendlyErrorStack: overridden("Errors are the store's own."),
};

const ofCluster = (treatment: Treatment, why: string): Omit<OptionRow, 'redisOptions'> => ({
  redis: treatment,
  why,
});

/** Options of a given Cluster. */
export const CLUSTER_OPTIONS: Readonly<
  Record<keyof ClusterOptions, Omit<OptionRow, 'redisOptions'>>
> = {
  redisOptions: ofCluster('obeyed', 'Each by its row above.'),
  natMap: ofCluster('obeyed', "Where connect's natMap is not given."),
  dnsLookup: ofCluster('obeyed', OF_CLUSTER),
  useSRVRecords: ofCluster('obeyed', OF_CLUSTER),
  resolveSrv: ofCluster('obeyed', OF_CLUSTER),
  lazyConnect: ofCluster('obeyed', 'The store has it connect.'),
  clusterRetryStrategy: ofCluster('obeyed', OF_CLUSTER),
  clusterNodeRetryStrategy: ofCluster('obeyed', OF_CLUSTER),
  enableOfflineQueue: ofCluster('obeyed', OF_CLUSTER),
  enableReadyCheck: ofCluster('obeyed', OF_CLUSTER),
  maxRedirections: ofCluster('obeyed', OF_CLUSTER),
  retryDelayOnFailover: ofCluster('obeyed', OF_CLUSTER),
  retryDelayOnClusterDown: ofCluster('obeyed', OF_CLUSTER),
  retryDelayOnTryAgain: ofCluster('obeyed', OF_CLUSTER),
  retryDelayOnMoved: ofCluster('obeyed', OF_CLUSTER),
  slotsRefreshTimeout: ofCluster('obeyed', OF_CLUSTER),
  slotsRefreshInterval: ofCluster('obeyed', OF_CLUSTER),
  shardedSubscribers: ofCluster('obeyed', OF_CLUSTER),
  enableAutoPipelining: ofCluster('obeyed', OF_CLUSTER),
  autoPipeliningIgnoredCommands: ofCluster('obeyed', OF_CLUSTER),
  showFriendlyErrorStack: ofCluster('obeyed', OF_CLUSTER),
  scripts: ofCluster('obeyed', OWN_OBJECT),
  himportFieldsets: ofCluster('obeyed', OWN_OBJECT),
  scaleReads: ofCluster('overridden', 'The store reads from primaries; the object as it says.'),
  keyPrefix: ofCluster('refused', "It would be put before the store's own keyPrefix."),
};
