import { z } from "zod";

import type { CallOptions } from "../contract/call-options.ts";
import type { Clauderon } from "../contract/clauderon.ts";
import { backendOverviewSchema, reconcileReportSchema } from "../wire/backends-schema.ts";
import { daemonStatusSchema, type DaemonStatus } from "../wire/daemon-schema.ts";
import { createConnector, type ClientOptions, type Connection } from "./connection.ts";
import { createHttpClient } from "./http-client.ts";
import { createRemoteCheckpoints } from "./remote-checkpoints.ts";
import { remoteEvents } from "./remote-events.ts";
import { createRemoteSessions } from "./remote-sessions.ts";
import { createRemoteUndo } from "./remote-undo.ts";
import { attachTerminal, type TtyConnection, type TtyOptions } from "./tty-connection.ts";

/** What the daemon offers beyond the interface shared with the embedded engine. */
export interface Client extends Clauderon {
  /** Finds or starts the daemon now; everything else does so when it is first needed. */
  connect(options?: CallOptions): Promise<Connection>;
  daemon(options?: CallOptions): Promise<DaemonStatus>;
  /** A view of a session's terminal, shared with other viewers. */
  attach(sessionId: string, options: TtyOptions): Promise<TtyConnection>;
  /** Ends every view of a session's terminal; resolves with their number. */
  dismissViewers(sessionId: string, options?: CallOptions): Promise<number>;
  /** Names that `CLAUDERON_CRASH_AT` takes. */
  crashPointNames(options?: CallOptions): Promise<readonly string[]>;
}

const counted = z.object({ count: z.int() });

/** The daemon's client: finds the daemon of a home or starts it. Synchronous, without I/O; the first call that needs the daemon looks for it. */
export function createClient(options: ClientOptions = {}): Client {
  const connector = createConnector(options);
  const http = createHttpClient(connector);
  const closing = new AbortController();
  const attached = new Set<TtyConnection>();

  const close = async (): Promise<void> => {
    closing.abort();
    await Promise.all([...attached].map((connection) => connection.close()));
  };
  const get = <T>(path: string, schema: z.ZodType<T>, signal: AbortSignal | undefined): Promise<T> =>
    http.json({ method: "GET", path, signal, isRepeatable: true }, schema);

  const source = { connector, http, environment: options.environment ?? process.env };
  return {
    sessions: createRemoteSessions(source),
    undo: createRemoteUndo(source),
    checkpoints: createRemoteCheckpoints(source),
    backends: ({ signal } = {}) => get("/api/backends", backendOverviewSchema, signal),
    reconcile: ({ signal, isDryRun } = {}) =>
      http.json(
        {
          method: "POST",
          path: `/api/reconcile${isDryRun === true ? "?dryRun=true" : ""}`,
          signal,
          isRepeatable: true,
        },
        reconcileReportSchema,
      ),
    events(call = {}) {
      const signal = call.signal === undefined ? closing.signal : AbortSignal.any([call.signal, closing.signal]);
      return remoteEvents(http, { ...call, signal });
    },
    connect: ({ signal } = {}) => connector.connect(signal),
    daemon: ({ signal } = {}) => get("/api/daemon", daemonStatusSchema, signal),
    crashPointNames: ({ signal } = {}) => get("/api/daemon/crash-points", z.array(z.string()).readonly(), signal),
    async attach(sessionId, attachOptions) {
      const connection = await attachTerminal(connector, sessionId, attachOptions);
      attached.add(connection);
      connection.ended.finally(() => attached.delete(connection)).catch(() => undefined);
      return connection;
    },
    async dismissViewers(sessionId, { signal } = {}) {
      const path = `/api/sessions/${encodeURIComponent(sessionId)}/viewers`;
      const { count } = await http.json({ method: "DELETE", path, signal, isRepeatable: false }, counted);
      return count;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
