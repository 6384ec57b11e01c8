import { z } from "zod";

import type { CheckpointRestoration, SessionCheckpoint } from "../contract/session-checkpoint.ts";
import { exactly } from "./exactly.ts";

export const sessionCheckpointSchema: z.ZodType<SessionCheckpoint> = exactly<SessionCheckpoint>()(
  z
    .object({
      schemaVersion: z.literal(1),
      id: z.string(),
      sessionId: z.string(),
      session: z.string(),
      at: z.string(),
      trigger: z.enum(["user", "restore", "merge"]),
      note: z.string().optional(),
      head: z.string().optional(),
      branch: z.string().optional(),
      repository: z.string(),
      files: z.int(),
      skipped: z.array(z.string()).readonly(),
    })
    .meta({ id: "SessionCheckpoint" }),
);

export const checkpointRestorationSchema: z.ZodType<CheckpointRestoration> = exactly<CheckpointRestoration>()(
  z
    .object({
      schemaVersion: z.literal(1),
      session: z.string(),
      id: z.string(),
      undoId: z.string(),
      isStopped: z.boolean(),
      notices: z.array(z.string()).readonly(),
    })
    .meta({ id: "CheckpointRestoration" }),
);

interface CheckpointRequest {
  readonly note?: string | undefined;
}

export const checkpointRequestSchema: z.ZodType<CheckpointRequest> = z
  .strictObject({ note: z.string().max(1000).optional() })
  .meta({ id: "CheckpointRequest" });
