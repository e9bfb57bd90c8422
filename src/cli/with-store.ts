import { FeatureStore } from '../index.ts';
import { connectOptionsFrom, type ConnectionFlags } from './connection-flags.ts';
import { unlessAborted } from './interruption.ts';

/** Connects as the flags say, runs the work, and closes the store whatever comes of it. */
export async function withStore<T>(
  flags: ConnectionFlags,
  signal: AbortSignal,
  work: (store: FeatureStore) => Promise<T>,
): Promise<T> {
  const connecting = FeatureStore.connect(connectOptionsFrom(flags));
  const closeLate = (): void => {
    connecting.then((late) => late.close()).catch(() => undefined);
  };
  const store = await unlessAborted(signal, connecting, closeLate);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
