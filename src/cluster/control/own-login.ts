/**
 * Credentials that change, on an ioredis object that is the caller's.
 *
 * Its class is not ours to extend, so what it reads when it connects is set instead:
 * `options.username` and `options.password`, of it or of each node of a Cluster, whenever there are
 * fresh credentials. A lost connection has them asked for at once, and they are there by the time
 * that ioredis connects anew, where the function is quick. Open connections log in anew before the
 * credentials expire. After `close` the object is left as it is.
 */

import type { Login } from '../lanes/login.ts';
import type { CredentialsKeeper } from './credentials.ts';
import { isCluster, type Cluster, type Redis } from '../lanes/ioredis.ts';
import type { Lane } from '../lanes/lane.ts';
import { SingleCommand } from '../lanes/single-command.ts';
import { ServerError } from '../resp/reply-reader.ts';

/** Until the credentials are closed. */
export async function keepLoggedIn(
  own: Cluster | Redis,
  credentials: CredentialsKeeper,
): Promise<void> {
  let login = await credentials.forLogin();
  const askAnew = (): void => void credentials.fresh().catch(() => undefined);
  const watched = new Set<Redis>();
  const equip = (node: Redis): void => {
    node.options.username = login.username;
    node.options.password = login.password;
    if (watched.has(node)) return;
    watched.add(node);
    node.on('close', askAnew);
  };
  const nodes = (): Redis[] => (isCluster(own) ? own.nodes('all') : [own]);
  const leave = (node: Redis): void => {
    watched.delete(node);
    node.off('close', askAnew);
  };
  for (const node of nodes()) equip(node);
  if (isCluster(own)) own.on('+node', equip).on('-node', leave);
  credentials.add({
    onFresh(fresh) {
      login = fresh;
      for (const node of nodes()) equip(node);
    },
    async logIn(renewed) {
      const open = nodes().filter(({ status }) => status === 'ready');
      await Promise.all(open.map((node) => node.call('AUTH', ...wordsOf(renewed))));
    },
    onClose() {
      for (const node of watched) leave(node);
      if (isCluster(own)) own.off('+node', equip).off('-node', leave);
    },
  });
}

/** What AUTH takes. */
function wordsOf({ username, password }: Login): string[] {
  return username === undefined ? [password] : [username, password];
}

/**
 * Says AUTH anew on an open connection, in order with what is under way. Rejects where the node
 * refuses it; then the login before holds on. A connection that is lost meanwhile logs in by
 * itself.
 */
export async function logInAnew(lane: Lane, login: Login): Promise<void> {
  const question = new SingleCommand(['AUTH', ...wordsOf(login)]);
  await lane.ask(question).catch(() => undefined);
  if (question.reply instanceof ServerError) throw new Error(question.reply.message);
}
