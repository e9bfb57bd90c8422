/**
 * A file that has its name only when it is complete: written beside it under another name, brought
 * to the disk, then renamed. Whoever reads the name sees the old file or the new one, never a part.
 */

import { randomUUID } from 'node:crypto';
import { unlinkSync } from 'node:fs';
import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemError } from './command-error.ts';
import type { Output } from './output.ts';

export class AtomicFile implements Output {
  readonly #path: string;
  readonly #draftPath: string;
  readonly #draft: FileHandle;
  #open = true;
  readonly #removeOnExit = (): void => {
    try {
      unlinkSync(this.#draftPath);
    } catch {
      // The process ends: there is nobody left to report to.
    }
  };

  private constructor(path: string, draftPath: string, draft: FileHandle) {
    this.#path = path;
    this.#draftPath = draftPath;
    this.#draft = draft;
    process.once('exit', this.#removeOnExit);
  }

  /** @param mode permissions of the file that is replaced, if there is one */
  static async open(path: string, mode?: number): Promise<AtomicFile> {
    const draftPath = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
    const draft = await open(draftPath, 'wx');
    const file = new AtomicFile(path, draftPath, draft);
    if (mode !== undefined) await draft.chmod(mode);
    return file;
  }

  async write(text: string): Promise<void> {
    try {
      await this.#draft.appendFile(text);
    } catch (error) {
      throw systemError(`cannot write ${this.#path}`, error);
    }
  }

  async commit(): Promise<void> {
    try {
      await this.#draft.sync();
      await this.#draft.close();
      await rename(this.#draftPath, this.#path);
    } catch (error) {
      await this.discard();
      throw systemError(`cannot write ${this.#path}`, error);
    }
    this.#settle();
    await syncFolder(dirname(this.#path));
  }

  async discard(): Promise<void> {
    if (!this.#open) return;
    this.#settle();
    await this.#draft.close().catch(() => undefined);
    await unlink(this.#draftPath).catch(() => undefined);
  }

  #settle(): void {
    this.#open = false;
    process.off('exit', this.#removeOnExit);
  }
}

/** So that the new name outlives a power cut. Some file systems cannot; the file itself is safe. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r');
    await folder.sync().finally(() => folder.close());
  } catch {
    // As said above.
  }
}
