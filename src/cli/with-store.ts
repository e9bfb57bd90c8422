import { clearTimeout, setTimeout } from '../runtime/clock.ts';
import { defaultOptions, FeatureStore, type FeatureStoreOptions } from '../index.ts';
import { connectOptionsFrom, type ConnectionFlags } from './connection-flags.ts';
import { unlessAborted } from './interruption.ts';

/** After this long without a connection, a command says what it waits for. */
const QUIET_MS = 1_000;

/** Connects as the flags say, runs the work, and closes the store whatever comes of it. */
export async function withStore<T>(
  flags: ConnectionFlags,
  signal: AbortSignal,
  work: (store: FeatureStore) => Promise<T>,
): Promise<T> {
  const connecting = connectAloud({ vipGroups: 'recorded', ...connectOptionsFrom(flags) }, signal);
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

/**
 * `FeatureStore.connect`, which says on standard error what it waits for, where that takes long.
 */
export async function connectAloud(
  options: FeatureStoreOptions,
  signal: AbortSignal,
): Promise<FeatureStore> {
  const places = (options.nodes ?? []).map((node) => node.replace(/^.*@|^\w+:\/\//, ''));
  const waitMs = options.connectTimeoutMs ?? defaultOptions.connectTimeoutMs;
  const line = `waiting for ${places.join(', ')} (up to ${waitMs / 1_000} s) ...\n`;
  const timer = setTimeout(() => process.stderr.write(line), QUIET_MS);
  try {
    return await FeatureStore.connect(options, { signal });
  } finally {
    clearTimeout(timer);
  }
}
