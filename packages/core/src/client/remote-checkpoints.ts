import { z } from "zod";

import type { SessionCheckpoints } from "../contract/session-checkpoint.ts";
import { checkpointRestorationSchema, sessionCheckpointSchema } from "../wire/checkpoint-schema.ts";
import type { RemoteSource } from "./caller-request.ts";

const checkpoints = z.array(sessionCheckpointSchema);
const removed = z.object({ removed: z.int() });

/** The daemon's checkpoints. */
export function createRemoteCheckpoints({ http }: RemoteSource): SessionCheckpoints {
  const ofSession = (session: string): string => `/api/sessions/${encodeURIComponent(session)}/checkpoints`;
  return {
    create: (session, request = {}, { signal } = {}) =>
      http.json(
        { method: "POST", path: ofSession(session), body: request, signal, isRepeatable: false },
        sessionCheckpointSchema,
      ),
    list: (session, { signal } = {}) => {
      const path = session === undefined ? "/api/checkpoints" : ofSession(session);
      return http.json({ method: "GET", path, signal, isRepeatable: true }, checkpoints);
    },
    restore: (session, id, { signal } = {}) => {
      const path = `${ofSession(session)}/${encodeURIComponent(id)}/restore`;
      return http.json({ method: "POST", path, body: {}, signal, isRepeatable: false }, checkpointRestorationSchema);
    },
    async remove(ids, { signal } = {}) {
      const body = { ids };
      await http.json({ method: "DELETE", path: "/api/checkpoints", body, signal, isRepeatable: false }, removed);
    },
    screen: (id, { signal } = {}) =>
      http.text({
        method: "GET",
        path: `/api/checkpoints/${encodeURIComponent(id)}/screen`,
        signal,
        isRepeatable: true,
      }),
    diff: ({ from, to, format }, { signal } = {}) => {
      const query = new URLSearchParams({
        ...(to === undefined ? {} : { to }),
        ...(format === undefined ? {} : { format }),
      }).toString();
      const path = `/api/checkpoints/${encodeURIComponent(from)}/diff${query === "" ? "" : `?${query}`}`;
      return http.text({ method: "GET", path, signal, isRepeatable: true });
    },
  };
}
