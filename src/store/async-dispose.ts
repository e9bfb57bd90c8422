/** `await using` calls `close`, where the runtime knows the symbol: from Node 20.4 on. */
export function addAsyncDispose(prototype: { close(): Promise<void> }): void {
  const symbol: symbol | undefined = Symbol.asyncDispose;
  // A method named by a symbol that the runtime does not know would be named 'undefined'.
  if (symbol === undefined) return;
  Object.defineProperty(prototype, symbol, {
    value(this: typeof prototype): Promise<void> {
      return this.close();
    },
    configurable: true,
    writable: true,
  });
}
