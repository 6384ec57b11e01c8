import { z } from "zod";

import type { Undo } from "../contract/undo.ts";
import { withAbsoluteRepository } from "../support/absolute-repository.ts";
import { sessionDetailSchema } from "../wire/session-schema.ts";
import { takenBackSchema, undoRecordSchema } from "../wire/undo-schema.ts";
import type { RemoteSource } from "./caller-request.ts";
import { RemoteSession } from "./remote-session.ts";

const records = z.array(undoRecordSchema);
const dropped = z.object({ dropped: z.literal(true) });

/** The daemon's deleted sessions. */
export function createRemoteUndo(from: RemoteSource): Undo {
  const { http } = from;
  return {
    list: ({ signal } = {}) => http.json({ method: "GET", path: "/api/undo", signal, isRepeatable: true }, records),
    async restore(request = {}, { signal } = {}) {
      const body = withAbsoluteRepository(request);
      const call = { method: "POST", path: "/api/undo", body, signal, isRepeatable: false } as const;
      const { id, name } = await http.json(call, sessionDetailSchema);
      return new RemoteSession({ ...from, id, name, isEphemeral: false });
    },
    takeBack(id, { signal } = {}) {
      const path = `/api/undo/${encodeURIComponent(id)}/take-back`;
      return http.json({ method: "POST", path, signal, isRepeatable: false }, takenBackSchema);
    },
    async drop(id, { signal } = {}) {
      const path = `/api/undo/${encodeURIComponent(id)}`;
      await http.json({ method: "DELETE", path, signal, isRepeatable: false }, dropped);
    },
  };
}
