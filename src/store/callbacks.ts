/**
 * Functions of the caller that are called on the way. One that throws, or whose promise rejects,
 * breaks nothing: it is reported by a warning of the process, once for each function.
 */

const warned = new WeakSet<object>();

/** The function, if one was given, as one that never throws. */
export function unthrowing<Argument>(
  name: string,
  callback: ((argument: Argument) => unknown) | undefined,
): ((argument: Argument) => void) | undefined {
  if (callback === undefined) return undefined;
  return (argument) => {
    try {
      const result = callback(argument);
      if (isPromise(result)) result.then(undefined, () => warn(name, callback));
    } catch {
      warn(name, callback);
    }
  };
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** What was thrown is not shown: it may quote a row. */
function warn(name: string, callback: object): void {
  if (warned.has(callback)) return;
  warned.add(callback);
  process.emitWarning(
    `${name} threw, or its promise rejected. The call went on; catch errors inside of ${name}.`,
    { type: 'FeatureStoreWarning', code: 'FEATURE_STORE_CALLBACK' },
  );
}
