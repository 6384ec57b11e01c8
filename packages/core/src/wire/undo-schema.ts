import { z } from "zod";

import type { TakenBack, UndoRecord, UndoRequest } from "../contract/undo.ts";
import { exactly } from "./exactly.ts";

const kind = z.enum(["delete", "merge", "apply", "restore"]);

export const takenBackSchema: z.ZodType<TakenBack> = exactly<TakenBack>()(
  z
    .object({
      schemaVersion: z.literal(1),
      kind,
      id: z.string(),
      name: z.string(),
      repository: z.string(),
      branch: z.string(),
    })
    .meta({ id: "TakenBack" }),
);

export const undoRecordSchema: z.ZodType<UndoRecord> = exactly<UndoRecord>()(
  z
    .object({
      schemaVersion: z.literal(1),
      kind,
      id: z.string(),
      name: z.string(),
      at: z.string(),
      deletedAt: z.string(),
      expiresAt: z.string(),
      backend: z.string(),
      agent: z.string(),
      repository: z.string(),
      branch: z.string(),
      bytes: z.number(),
    })
    .meta({ id: "UndoRecord" }),
);

export const undoRequestSchema: z.ZodType<UndoRequest> = exactly<UndoRequest>()(
  z
    .strictObject({
      reference: z.string().optional(),
      name: z.string().optional(),
      repository: z.string().min(1).optional(),
    })
    .meta({ id: "UndoRequest" }),
);
