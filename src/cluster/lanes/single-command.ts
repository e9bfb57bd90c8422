import type { Exchange } from './lane.ts';
import type { CommandWriter } from '../resp/command-writer.ts';
import { INCOMPLETE, type Reply, type ReplyReader } from '../resp/reply-reader.ts';
import type { Turn } from './turns.ts';

/** One command, one reply. */
export class SingleCommand implements Exchange {
  readonly #words: readonly (string | number)[];
  reply: Reply = null;

  constructor(words: readonly (string | number)[]) {
    this.#words = words;
  }

  encode(writer: CommandWriter): undefined {
    writer.command(this.#words);
  }

  read(reader: ReplyReader, turn: Turn): boolean {
    const reply = reader.skipPushes() ?? reader.read();
    if (reply === INCOMPLETE) return false;
    this.reply = reply;
    turn.rowsLeft -= itemCountOf(reply);
    return true;
  }
}

/** A page of SCAN costs the turn as many rows as it has keys. */
function itemCountOf(reply: Reply): number {
  if (!Array.isArray(reply)) return 1;
  let count = 1;
  for (const item of reply) if (Array.isArray(item)) count += item.length;
  return count;
}
