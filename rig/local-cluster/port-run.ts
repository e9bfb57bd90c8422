import { connect, createServer } from 'node:net';

/** A node of a cluster also listens here, for the other nodes. */
export const BUS_PORT_OFFSET = 10_000;
const LAST_PORT = 65_535 - BUS_PORT_OFFSET;

/** True when nobody listens on the port of the loopback interface. */
export async function isPortFree(port: number): Promise<boolean> {
  // Both questions are asked: some systems let one program bind 127.0.0.1 while another holds
  // 0.0.0.0.
  return (await canListen(port)) && !(await canConnect(port));
}

/** The first port, from `from` on, of `count` in a row that are free, as are their bus ports. */
export async function findPortRun(
  from: number,
  count: number,
  isFree: (port: number) => Promise<boolean> = isPortFree,
): Promise<number> {
  let first = from;
  while (first + count - 1 <= LAST_PORT) {
    const taken = await lastTaken(first, count, isFree);
    if (taken === undefined) return first;
    first = taken + 1;
  }
  throw new Error(
    `no ${count} free ports in a row from ${from} to ${LAST_PORT}, each with its cluster bus port (+${BUS_PORT_OFFSET}) free too`,
  );
}

async function lastTaken(
  first: number,
  count: number,
  isFree: (port: number) => Promise<boolean>,
): Promise<number | undefined> {
  for (let port = first + count - 1; port >= first; port -= 1) {
    if (!(await isFree(port)) || !(await isFree(port + BUS_PORT_OFFSET))) return port;
  }
  return undefined;
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(500, () => {
      settle(true);
    });
    socket.once('connect', () => {
      settle(true);
    });
    socket.once('error', () => {
      settle(false);
    });
  });
}
