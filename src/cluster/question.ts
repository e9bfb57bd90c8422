import type { Exchange } from './lane.ts';
import type { CommandWriter } from './resp/command-writer.ts';
import { INCOMPLETE, type Reply, type ReplyReader } from './resp/reply-reader.ts';

/** One command, one reply. */
export class Question implements Exchange {
  readonly #words: readonly (string | number)[];
  reply: Reply = null;

  constructor(words: readonly (string | number)[]) {
    this.#words = words;
  }

  encode(writer: CommandWriter): void {
    writer.command(this.#words);
  }

  read(reader: ReplyReader): boolean {
    const mark = reader.mark;
    const reply = reader.skipPushes() ?? reader.read();
    if (reply === INCOMPLETE) {
      reader.rewind(mark);
      return false;
    }
    this.reply = reply;
    return true;
  }
}
