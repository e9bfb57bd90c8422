/**
 * The calls of a store that are under way: their errors are named after them, and `close` can wait
 * for them.
 */

import { slotOf } from '../cluster/batch.ts';
import { FeatureStoreError, notePlace, type ErrorPlace } from '../errors.ts';
import { inSlices } from '../runtime/slices.ts';
import { orLate } from '../runtime/timer.ts';
import type { Context } from './context.ts';
import { isValidId } from './key-layout.ts';
import { IDS_PER_TURN } from './limits.ts';
import type { FailedRow } from './partial-errors.ts';

export class Calls {
  readonly #context: Context;
  #count = 0;
  /** Why new calls are refused. */
  #refusal: string | undefined;
  #onIdle: () => void = () => undefined;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Does the work of a call; an error of it says which call it was, and of which entity. */
  async run<Result>(
    operation: string,
    work: (context: Context) => Promise<Result>,
    id?: string,
  ): Promise<Result> {
    try {
      this.#begin();
      const result = await work(this.#context);
      const failed = failedOf(result);
      if (failed) await noteOperation(failed, operation);
      return result;
    } catch (error) {
      if (error instanceof FeatureStoreError) await noteOperation(failedOf(error) ?? [], operation);
      throw this.#placed(error, operation, id);
    } finally {
      this.#end();
    }
  }

  /** `run` for a call that answers at once. */
  now<Result>(
    operation: string,
    id: string | undefined,
    work: (context: Context) => Result,
  ): Result {
    try {
      return work(this.#context);
    } catch (error) {
      throw this.#placed(error, operation, id);
    }
  }

  /** `run` for a call that gives one thing after the other, and is refused at once or never. */
  each<Item>(
    operation: string,
    begin: (context: Context) => AsyncGenerator<Item>,
  ): AsyncGenerator<Item> {
    return this.#all(operation, this.now(operation, undefined, begin));
  }

  /** Refuses new calls, and waits for those under way, `ms` at the most. */
  async end(ms: number): Promise<void> {
    this.#refusal = ms > 0 ? CLOSING : CLOSED;
    if (ms > 0 && this.#count > 0) {
      await orLate(ms, new Promise<void>((resolve) => (this.#onIdle = resolve)));
    }
    this.#refusal = CLOSED;
  }

  async *#all<Item>(operation: string, items: AsyncGenerator<Item>): AsyncGenerator<Item> {
    try {
      this.#begin();
      for await (const item of items) {
        await noteOperation(failedOf(item) ?? [], operation);
        yield item;
      }
    } catch (error) {
      if (error instanceof FeatureStoreError) await noteOperation(failedOf(error) ?? [], operation);
      throw this.#placed(error, operation, undefined);
    } finally {
      this.#end();
    }
  }

  #begin(): void {
    this.#count++;
    if (this.#refusal !== undefined) throw new FeatureStoreError('CLOSED', this.#refusal);
  }

  #end(): void {
    this.#count--;
    if (this.#count === 0) this.#onIdle();
  }

  #placed(error: unknown, operation: string, id: string | undefined): unknown {
    notePlace(error, { operation, ...(typeof id === 'string' ? this.#placeOf(id) : {}) });
    return error;
  }

  #placeOf(id: string): ErrorPlace {
    const { layout } = this.#context;
    return isValidId(id) ? { id, slot: slotOf(layout.keyFor(id)) } : { id };
  }
}

/** Names the errors of a call that no store is there for yet. */
export async function named<Result>(
  operation: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    notePlace(error, { operation });
    throw error;
  }
}

/** The failed rows of a result, or of an error. */
function failedOf(result: unknown): readonly FailedRow[] | undefined {
  if (typeof result !== 'object' || result === null || !('failed' in result)) return undefined;
  const { failed }: { failed: unknown } = result;
  return Array.isArray(failed) && failed.length > 0 ? failed : undefined;
}

async function noteOperation(failed: readonly FailedRow[], operation: string): Promise<void> {
  await inSlices(failed, IDS_PER_TURN, ({ error }) => notePlace(error, { operation }));
}

const CLOSED = 'The store was closed; connect a new one.';
const CLOSING = 'The store is closing: calls that were under way may end, new ones are refused.';
