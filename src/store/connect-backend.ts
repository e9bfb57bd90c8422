import { connect } from '../cluster/control/connect.ts';
import { ServerBackend, type Backend } from '../cluster/delivery/backend.ts';
import { defaultLimits } from '../cluster/limits.ts';
import { agreeOnGroups } from './group-record.ts';
import type { ResolvedOptions } from './options.ts';

/** The servers that the options name. */
export async function connectBackend(
  options: ResolvedOptions,
  signal: AbortSignal | undefined,
): Promise<Backend> {
  const settings = { ...options, limits: defaultLimits, signal };
  return new ServerBackend(await connect(options.target, settings));
}

/** The options as the cluster agrees on them; where it does not, the backend is closed. */
export async function agreedOptions(
  backend: Backend,
  options: ResolvedOptions,
): Promise<ResolvedOptions> {
  try {
    return await agreeOnGroups(backend, options);
  } catch (error) {
    await backend.close();
    throw error;
  }
}
