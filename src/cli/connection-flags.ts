/**
 * The flags that say where the store is and how to get in. Every program here takes the same ones,
 * and each may come from the environment instead: a password on a command line is seen by every
 * user of the machine.
 */

import { readFileSync } from 'node:fs';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { defaultOptions, type FeatureStoreOptions, limits } from '../index.ts';
import { systemError, usageError } from './command-error.ts';
import { wholeNumber } from './number-flag.ts';

const DEFAULT_NODES = 'redis://127.0.0.1:7000';

/** What commander makes of the flags. */
export interface ConnectionFlags {
  readonly nodes: string;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly keyPrefix: string;
  readonly timeoutMs?: number;
  readonly vip?: Readonly<Record<string, readonly string[]>>;
}

/** The part of the store's options that the flags decide. */
export type ConnectOptions = Pick<
  FeatureStoreOptions,
  'nodes' | 'redisOptions' | 'keyPrefix' | 'timeoutMs' | 'vipGroups'
>;

const GROUP = 'Connection:';

/** Adds the flags to a command. */
export function addConnectionFlags(command: Command): Command {
  const flags = [
    new Option(
      '--nodes <urls>',
      'some nodes of the cluster, or one standalone server: URLs or host:port, by comma',
    )
      .env('FSTORE_NODES')
      .default(DEFAULT_NODES),
    new Option('--username <name>', 'ACL user').env('FSTORE_USERNAME'),
    new Option('--password <secret>', 'its password; better in the environment than here').env(
      'FSTORE_PASSWORD',
    ),
    new Option('--tls', 'connect with TLS, as rediss:// does (env: FSTORE_TLS)'),
    new Option('--tls-ca <file>', 'PEM of a private CA; implies --tls').env('FSTORE_TLS_CA'),
    new Option('--tls-cert <file>', 'PEM of a client certificate; implies --tls').env(
      'FSTORE_TLS_CERT',
    ),
    new Option('--tls-key <file>', 'PEM of its key').env('FSTORE_TLS_KEY'),
    new Option('--key-prefix <prefix>', 'what every key begins with')
      .env('FSTORE_KEY_PREFIX')
      .default(defaultOptions.keyPrefix),
    new Option('--timeout-ms <ms>', 'deadline of a call, or of each chunk of a long one')
      .argParser(wholeNumber({ min: 1, max: limits.timeoutMs }))
      .default(defaultOptions.timeoutMs),
    new Option(
      '--vip <group=ids>',
      'a VIP group and its ids, by comma; once per group. Without it, those that are recorded',
    ).argParser(addVipGroup),
  ];
  for (const flag of flags) command.addOption(flag.helpGroup(GROUP));
  return command;
}

/** @throws CommandError a file cannot be read, or flags contradict each other */
export function connectOptionsFrom(flags: ConnectionFlags): ConnectOptions {
  const tls = tlsOptionsFrom(flags);
  return {
    nodes: nodesFrom(flags.nodes),
    redisOptions: {
      ...(flags.username ? { username: flags.username } : {}),
      ...(flags.password ? { password: flags.password } : {}),
      ...(tls ? { tls } : {}),
    },
    keyPrefix: flags.keyPrefix,
    ...(flags.timeoutMs === undefined ? {} : { timeoutMs: flags.timeoutMs }),
    ...(flags.vip ? { vipGroups: flags.vip } : {}),
  };
}

/**
 * An empty list is refused like an empty prefix: falling back to a default could reset another
 * store.
 */
function nodesFrom(text: string): string[] {
  const nodes = text.split(',').map((node) => node.trim());
  if (nodes.includes('')) throw usageError('--nodes (FSTORE_NODES) has an empty address in it');
  // Shown in no message: what is before the @ may be a password.
  if (nodes.some((node) => node.includes('@') && !node.includes('://'))) {
    throw usageError(
      '--nodes has credentials in an address that is no URL; write redis://user:password@host:port',
    );
  }
  return nodes;
}

interface TlsFiles {
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
}

function tlsOptionsFrom({ tls, tlsCa, tlsCert, tlsKey }: ConnectionFlags): TlsFiles | undefined {
  if (Boolean(tlsCert) !== Boolean(tlsKey)) {
    throw usageError('--tls-cert and --tls-key go together; give both or neither');
  }
  if (!tls && !tlsCa && !tlsCert && !tlsFromEnvironment()) return undefined;
  return {
    ...(tlsCa ? { ca: readPem('--tls-ca', tlsCa) } : {}),
    ...(tlsCert ? { cert: readPem('--tls-cert', tlsCert) } : {}),
    ...(tlsKey ? { key: readPem('--tls-key', tlsKey) } : {}),
  };
}

/** Not by commander's env(): there FSTORE_TLS=0 would turn it on. */
function tlsFromEnvironment(): boolean {
  const text = process.env['FSTORE_TLS'] ?? '';
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  if (/^(0|false|no|off|)$/i.test(text)) return false;
  throw usageError(`FSTORE_TLS must be 1 or 0, but is '${text}'`);
}

function readPem(flag: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw systemError(`cannot read ${path} of ${flag}`, error);
  }
}

function addVipGroup(
  text: string,
  groups: Readonly<Record<string, readonly string[]>> = {},
): Readonly<Record<string, readonly string[]>> {
  const [, name, members] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  if (name === undefined || members === undefined) {
    throw new InvalidArgumentError('Write a group and its ids: vip=u0001,u0007.');
  }
  const ids = members.split(',');
  if (ids.includes('')) throw new InvalidArgumentError('It has an empty id between its commas.');
  // A group may be called `constructor`.
  const known = Object.hasOwn(groups, name) ? groups[name] : undefined;
  return { ...groups, [name]: [...(known ?? []), ...ids] };
}
