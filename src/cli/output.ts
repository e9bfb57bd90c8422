/** Where results go, bit by bit. */
export interface Output {
  /** Resolves when more may be written: a slow reader slows the writer down. */
  write(text: string): Promise<void>;
  /** Everything was written. */
  commit(): Promise<void>;
  /** Nothing of it must stay, where that is still possible. */
  discard(): Promise<void>;
}
