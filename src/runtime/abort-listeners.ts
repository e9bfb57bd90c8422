/**
 * One listener on a signal for all that wait for it: thousands of calls may share a signal, and
 * Node warns from eleven listeners on.
 */

const listenersOf = new WeakMap<AbortSignal, Map<symbol, () => void>>();

/**
 * Calls `listener` when the signal fires; gives what takes it back. A signal that has fired calls
 * nobody.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const listeners = listenersOf.get(signal) ?? watch(signal);
  const own = Symbol('listener');
  listeners.set(own, listener);
  return () => {
    if (listeners.delete(own) && listeners.size === 0) unwatch(signal);
  };
}

const notifyAll = (event: Event): void => {
  const signal = event.target as AbortSignal; // the only thing that this is added to
  const listeners = listenersOf.get(signal);
  listenersOf.delete(signal);
  for (const listener of listeners?.values() ?? []) listener();
};

function watch(signal: AbortSignal): Map<symbol, () => void> {
  const listeners = new Map<symbol, () => void>();
  listenersOf.set(signal, listeners);
  signal.addEventListener('abort', notifyAll, { once: true });
  return listeners;
}

function unwatch(signal: AbortSignal): void {
  if (!listenersOf.delete(signal)) return;
  signal.removeEventListener('abort', notifyAll);
}
