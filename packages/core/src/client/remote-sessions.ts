import { z } from "zod";

import type { CallOptions } from "../contract/call-options.ts";
import type { CreateSessionOptions, Session, Sessions } from "../contract/clauderon.ts";
import type { CreateSessionRequest, SessionSummary } from "../contract/session.ts";
import { checkCreateRequest } from "../engine/check-create-request.ts";
import { withAbsoluteRepository } from "../support/absolute-repository.ts";
import { sessionDetailSchema, sessionSummarySchema } from "../wire/session-schema.ts";
import { type RemoteSource, withCallerEnvironment } from "./caller-request.ts";
import { RemoteSession } from "./remote-session.ts";
import { watchCreation } from "./watch-creation.ts";

const summaries = z.array(sessionSummarySchema);
const cancelled = z.object({ cancelled: z.literal(true) });

/** How long a caller that gave up waits for its creation to be taken back. */
const CANCEL_MS = 30_000;

/** The daemon's sessions. */
export function createRemoteSessions(from: RemoteSource): Sessions {
  const { http, environment } = from;
  const handle = (identity: { readonly id: string; readonly name: string }, isEphemeral = false): Session =>
    new RemoteSession({ ...from, id: identity.id, name: identity.name, isEphemeral });

  async function cancel(key: string): Promise<void> {
    await http.json(
      {
        method: "DELETE",
        path: `/api/creations/${encodeURIComponent(key)}`,
        isRepeatable: true,
        signal: AbortSignal.timeout(CANCEL_MS),
      },
      cancelled,
    );
  }

  return {
    async create(request: CreateSessionRequest, options: CreateSessionOptions = {}): Promise<Session> {
      const { signal, onProgress } = options;
      signal?.throwIfAborted();
      checkCreateRequest(request);
      // With a key of its own a creation can be asked for again after a lost connection, and taken back exactly.
      const idempotencyKey = request.idempotencyKey ?? crypto.randomUUID();
      const ended = new AbortController();
      if (onProgress !== undefined && options.wait !== false)
        void watchCreation(http, { key: idempotencyKey, ended: ended.signal, onProgress });
      try {
        const path = `/api/sessions${options.wait === false ? "?wait=false" : ""}`;
        const body = { ...withCallerEnvironment(withAbsoluteRepository(request), environment), idempotencyKey };
        const detail = await http.json({ method: "POST", path, body, signal, isRepeatable: true }, sessionDetailSchema);
        return handle(detail, options.ephemeral);
      } catch (error) {
        if (signal?.aborted !== true) throw error;
        ended.abort();
        await cancel(idempotencyKey);
        throw signal.reason;
      } finally {
        ended.abort();
      }
    },
    async get(reference: string, options: CallOptions = {}): Promise<Session> {
      const path = `/api/sessions/${encodeURIComponent(reference)}`;
      const { signal } = options;
      return handle(await http.json({ method: "GET", path, signal, isRepeatable: true }, sessionDetailSchema));
    },
    list({ signal }: CallOptions = {}): Promise<readonly SessionSummary[]> {
      return http.json({ method: "GET", path: "/api/sessions", signal, isRepeatable: true }, summaries);
    },
  };
}
