/**
 * Reports, once, to those that wait that there is nothing to wait for. An AbortSignal, without its
 * cost per call.
 */
export class Closing {
  readonly #listeners = new Set<() => void>();
  /** Set by `close` alone. */
  isClosed = false;

  add(listener: () => void): void {
    this.#listeners.add(listener);
  }

  delete(listener: () => void): void {
    this.#listeners.delete(listener);
  }

  close(): void {
    this.isClosed = true;
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }
}
