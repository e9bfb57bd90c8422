/**
 * One server in memory: what a primary answers to the commands of the store. It is asked in RESP's
 * own words, and knows nothing of sockets, slots or faults.
 */

import { integerOf, upper } from './arguments.ts';
import { textOf, type Bytes, type ServerReply } from './bytes.ts';
import { fits, type Command } from './command.ts';
import { HASH_COMMANDS } from './hash-commands.ts';
import { KEY_COMMANDS } from './key-commands.ts';
import { Keyspace, type ServerClock } from './keyspace.ts';
import { Refusal } from './refusal.ts';
import { shaOf, type ScriptTwins, type ScriptWord } from './script-twins.ts';
import { ServerError } from '../../cluster/resp/reply.ts';

export interface ServerTraits {
  readonly clock: ServerClock;
  readonly twins: ScriptTwins;
  /** How many replicas there are, which have all that the server has. */
  readonly replicaCount: number;
  /** Commands that the server is too old for. */
  readonly unknown: readonly string[];
}

const COMMANDS: ReadonlyMap<string, Command> = new Map(
  [...HASH_COMMANDS, ...KEY_COMMANDS].map((command) => [command.name, command]),
);
/** Commands with the number of their keys in front of these. */
const SCRIPTS = new Set(['EVAL', 'EVALSHA', 'EVAL_RO', 'EVALSHA_RO']);
const QUEUED = 'QUEUED';
const OK = 'OK';

export class MemoryServer {
  readonly keyspace: Keyspace;
  readonly #traits: ServerTraits;

  constructor(traits: ServerTraits) {
    this.#traits = traits;
    this.keyspace = new Keyspace(traits.clock);
  }

  /** What one client sends, one command after the other. */
  session(): Session {
    return new Session(
      (words) => this.#run(words),
      (words) => this.#check(words),
    );
  }

  /** @throws Refusal a command that is unknown, or has too few words */
  #check(words: readonly Bytes[]): Command | undefined {
    const name = upper(words[0]);
    if (this.#traits.unknown.includes(name)) throw unknown(words);
    const command = COMMANDS.get(name);
    if (command === undefined && !this.#isOther(name)) throw unknown(words);
    if (command !== undefined && !fits(command, words.length)) {
      throw new Refusal(`ERR wrong number of arguments for '${name.toLowerCase()}' command`);
    }
    return command;
  }

  #isOther(name: string): boolean {
    return SCRIPTS.has(name) || ['PING', 'SCRIPT', 'TIME', 'WAIT'].includes(name);
  }

  /** @throws Refusal */
  #run(words: readonly Bytes[]): ServerReply {
    const command = this.#check(words);
    if (command !== undefined) return command.run(this.keyspace, words.slice(1));
    const name = upper(words[0]);
    if (SCRIPTS.has(name)) return this.#eval(name, words);
    if (name === 'SCRIPT') return this.#script(words);
    if (name === 'WAIT') return this.#traits.replicaCount;
    if (name === 'PING') return words[1] ?? 'PONG';
    const { nowMs } = this.keyspace;
    const parts = [Math.floor(nowMs / 1_000), Math.floor((nowMs % 1_000) * 1_000)];
    return parts.map((part) => Buffer.from(String(part)));
  }

  /** A script that has a twin counts as loaded, as it is once the store has sent it. */
  #eval(name: string, [, script = NONE, count, ...rest]: readonly Bytes[]): ServerReply {
    const isSha = name.startsWith('EVALSHA');
    const twin = this.#traits.twins.find(isSha ? textOf(script).toLowerCase() : shaOf(script));
    if (twin === undefined) {
      if (isSha) throw new Refusal('NOSCRIPT No matching script. Please use EVAL.');
      throw new Refusal('ERR servers in memory know no such script');
    }
    const keyCount = integerOf(count);
    if (keyCount < 0 || keyCount > rest.length) {
      throw new Refusal("ERR Number of keys can't be greater than number of args");
    }
    const redis = { call: (words: readonly ScriptWord[]) => this.#run(words.map(wordOf)) };
    return twin(redis, rest.slice(0, keyCount), rest.slice(keyCount));
  }

  #script([, sub = NONE, ...words]: readonly Bytes[]): ServerReply {
    const { twins } = this.#traits;
    switch (upper(sub)) {
      case 'LOAD':
        return Buffer.from(shaOf(words[0] ?? NONE));
      case 'EXISTS':
        return words.map((sha) => (twins.find(textOf(sha).toLowerCase()) === undefined ? 0 : 1));
      default:
        throw new Refusal(`ERR unknown subcommand '${textOf(sub)}'. Try SCRIPT HELP.`);
    }
  }
}

/** The commands of one client: alone, or between MULTI and EXEC. */
export class Session {
  readonly #run: (words: readonly Bytes[]) => ServerReply;
  readonly #check: (words: readonly Bytes[]) => unknown;
  #queue: (readonly Bytes[])[] | undefined;
  /** Whether a command was refused when it was to be queued. */
  #isBroken = false;

  constructor(
    run: (words: readonly Bytes[]) => ServerReply,
    check: (words: readonly Bytes[]) => unknown,
  ) {
    this.#run = run;
    this.#check = check;
  }

  send(words: readonly Bytes[]): ServerReply {
    return orError(() => {
      const name = upper(words[0]);
      if (name === 'MULTI') return this.#multi();
      if (name === 'EXEC') return this.#exec();
      if (name === 'DISCARD') return this.#discard();
      return this.#queue === undefined ? this.#run(words) : this.#enqueue(words, this.#queue);
    });
  }

  #multi(): ServerReply {
    if (this.#queue !== undefined) throw new Refusal('ERR MULTI calls can not be nested');
    this.#queue = [];
    this.#isBroken = false;
    return OK;
  }

  #enqueue(words: readonly Bytes[], queue: (readonly Bytes[])[]): ServerReply {
    const wasBroken = this.#isBroken;
    this.#isBroken = true; // unless the check lets it pass
    this.#check(words);
    this.#isBroken = wasBroken;
    queue.push(words);
    return QUEUED;
  }

  #exec(): ServerReply {
    const queue = this.#queue;
    if (queue === undefined) throw new Refusal('ERR EXEC without MULTI');
    this.#queue = undefined;
    if (this.#isBroken) {
      throw new Refusal('EXECABORT Transaction discarded because of previous errors.');
    }
    return queue.map((words) => orError(() => this.#run(words)));
  }

  #discard(): ServerReply {
    if (this.#queue === undefined) throw new Refusal('ERR DISCARD without MULTI');
    this.#queue = undefined;
    return OK;
  }
}

/** What a command is about: its key, and whether it may write. */
export interface Aim {
  readonly key: Bytes | undefined;
  readonly isWrite: boolean;
}

export function aimOf(words: readonly Bytes[]): Aim {
  const name = upper(words[0]);
  if (SCRIPTS.has(name)) return { key: words[3], isWrite: !name.endsWith('_RO') };
  const command = COMMANDS.get(name);
  return { key: command && words[1], isWrite: command?.isWrite === true };
}

const NONE = new Uint8Array();

function orError(run: () => ServerReply): ServerReply {
  try {
    return run();
  } catch (error) {
    if (error instanceof Refusal) return new ServerError(error.message);
    throw error;
  }
}

function wordOf(word: ScriptWord): Bytes {
  return word instanceof Uint8Array ? word : Buffer.from(String(word));
}

function unknown(words: readonly Bytes[]): Refusal {
  const [name = '', ...rest] = words.map((word) => textOf(word).slice(0, 128));
  const shown = rest.map((word) => `'${word}' `).join('');
  return new Refusal(`ERR unknown command '${name}', with args beginning with: ${shown}`);
}
