/** The demo's HTTP server: JSON routes and the page. It has no log-in; see request-origin.ts. */

import { fileURLToPath } from 'node:url';
import formBody from '@fastify/formbody';
import staticFiles from '@fastify/static';
import {
  fastify,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { FeatureStoreError, type FeatureStore } from '../index.ts';
import { EntityCensus } from './entity-census.ts';
import { HttpError } from './http-error.ts';
import { requirementOf } from './parameters.ts';
import { refusalOf } from './request-origin.ts';
import { addReadRoutes } from './routes/reads.ts';
import { addStateRoute } from './routes/state.ts';
import { addWriteRoutes } from './routes/writes.ts';
import type { StreamingWorker } from './streaming-worker.ts';
import { writeQueue } from './write-queue.ts';

export interface DemoServerOptions {
  readonly store: FeatureStore;
  readonly worker: StreamingWorker;
  /** Shared with the worker, so that the store is scanned once for both. @default one of its own */
  readonly census?: EntityCensus;
  /** The name it will listen on; it and IP addresses are accepted as Host. @default 'localhost' */
  readonly hostName?: string;
  /** Gets a line for each request that failed on our side. */
  readonly log?: (line: string) => void;
  /** How long a request may take to arrive, its body included. @default 10_000 */
  readonly arrivalTimeoutMs?: number;
}

/** A limit on everything that a client decides: also on those that never end what they began. */
const BODY_BYTES = 65_536;
const ARRIVAL_TIMEOUT_MS = 10_000;
/** Longer than the store's calls for one request may take. */
const SILENCE_TIMEOUT_MS = 180_000;
const KEEP_ALIVE_MS = 10_000;
/** A hundred browsers open six each. */
const MAX_CONNECTIONS = 1_000;
/**
 * Requests that wait for the store; one connection may send any number without waiting for replies.
 */
const MAX_UNDER_WAY = 500;
const PAGE_DIR = fileURLToPath(new URL('page/', import.meta.url));

const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

/** Ready to `listen` or `inject`. Closing it leaves the store and the worker to their owner. */
export async function createDemoServer(options: DemoServerOptions): Promise<FastifyInstance> {
  const { store, worker, arrivalTimeoutMs = ARRIVAL_TIMEOUT_MS } = options;
  const server = fastify({
    bodyLimit: BODY_BYTES,
    requestTimeout: arrivalTimeoutMs,
    connectionTimeout: SILENCE_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: {
      headersTimeout: arrivalTimeoutMs,
      connectionsCheckingInterval: Math.ceil(arrivalTimeoutMs / 10),
    },
    routerOptions: { maxParamLength: 256 },
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: false } },
    schemaErrorFormatter: ([first]) => new Error(requirementOf(first?.instancePath ?? '')),
    frameworkErrors: (error, _request, reply) => sendError(reply, error.statusCode ?? 400, error),
  });
  server.server.maxConnections = MAX_CONNECTIONS;
  server.removeContentTypeParser('text/plain'); // what a foreign form can send without asking first
  addGuards(server, options.hostName ?? 'localhost');
  addCrowdControl(server);
  addErrorReplies(server, options.log ?? ((): void => undefined));
  await server.register(formBody, { bodyLimit: BODY_BYTES });
  await server.register(staticFiles, { root: PAGE_DIR, wildcard: false, cacheControl: false });
  const census = options.census ?? new EntityCensus(store);
  const context = { store, worker, census, inTurn: writeQueue() };
  addStateRoute(server, context);
  addWriteRoutes(server, context);
  addReadRoutes(server, context);
  await server.ready();
  return server;
}

function addGuards(server: FastifyInstance, hostName: string): void {
  server.addHook('onRequest', async ({ method, headers }, reply) => {
    reply.headers(SECURITY_HEADERS).header('cache-control', 'no-store');
    const secFetchSite = headers['sec-fetch-site'];
    const refusal = refusalOf(
      {
        method,
        host: headers.host,
        origin: headers.origin,
        secFetchSite: typeof secFetchSite === 'string' ? secFetchSite : undefined,
      },
      hostName,
    );
    if (refusal) throw new HttpError(403, refusal);
  });
  server.addHook('preValidation', async (request) => {
    request.body ??= {}; // a POST without parameters takes every default
  });
}

/**
 * Counts from the start of a handler to its reply, which every handler gives, whether or not it is
 * read.
 */
function addCrowdControl(server: FastifyInstance): void {
  const underWay = new Set<FastifyRequest>();
  server.addHook('preHandler', async (request) => {
    if (underWay.size >= MAX_UNDER_WAY) {
      throw new HttpError(429, `${MAX_UNDER_WAY} requests are under way; wait for some to end`);
    }
    underWay.add(request);
  });
  server.addHook('onSend', async (request) => void underWay.delete(request));
}

function addErrorReplies(server: FastifyInstance, log: (line: string) => void): void {
  const methods = new Map<string, Set<string>>();
  server.addHook('onRoute', ({ url, method }) => {
    const known = methods.get(url) ?? new Set();
    for (const name of [method].flat()) known.add(name);
    methods.set(url, known);
  });
  server.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const allowed = methods.get(path);
    if (!allowed) return sendError(reply, 404, new Error(`no such path: ${path}`));
    const allow = [...allowed].sort().join(', ');
    reply.header('allow', allow);
    return sendError(reply, 405, new Error(`${request.method} is not allowed here; use ${allow}`));
  });
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const status = statusOf(error);
    if (status < 500) return sendError(reply, status, error);
    log(
      `${request.method} ${request.routeOptions.url ?? ''} failed: ${error.stack ?? String(error)}`,
    );
    if (error instanceof HttpError) return sendError(reply, status, error);
    return sendError(reply, status, new Error(outwardReason(error)));
  });
}

/** A caller's mistake is 4xx; a cluster that may answer later is 503. */
function statusOf(error: FastifyError): number {
  if (!(error instanceof FeatureStoreError)) return error.statusCode ?? 500;
  if (error.code === 'INVALID_ID' || error.code === 'INVALID_FEATURE') return 400;
  if (error.code === 'WRONG_TYPE') return 409; // the caller chose an id that is no entity's
  return error.retryable ? 503 : 500;
}

/** The code says enough to act on; the message may name hosts and commands. */
function outwardReason(error: Error): string {
  if (!(error instanceof FeatureStoreError)) return 'internal error; the log of the server has it';
  return error.retryable
    ? `Redis did not answer as it should (${error.code}); try again`
    : `Redis refused the request (${error.code}); the log of the server has the reason`;
}

function sendError(reply: FastifyReply, status: number, { message }: Error): FastifyReply {
  return reply.status(status).send({ error: message });
}
