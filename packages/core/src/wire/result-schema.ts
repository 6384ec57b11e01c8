import { z } from "zod";

import type { MergeRequest, SessionResult } from "../contract/result.ts";
import { exactly } from "./exactly.ts";

export const mergeRequestSchema: z.ZodType<MergeRequest> = exactly<MergeRequest>()(
  z
    .strictObject({
      how: z.enum(["merge", "no-ff", "squash"]).optional(),
      into: z.string().min(1).max(1024).optional(),
      message: z.string().min(1).max(65_536).optional(),
      isCommittedOnly: z.boolean().optional(),
    })
    .meta({ id: "MergeRequest" }),
);

export const sessionResultSchema: z.ZodType<SessionResult> = exactly<SessionResult>()(
  z
    .object({
      schemaVersion: z.literal(1),
      kind: z.enum(["merge", "apply"]),
      name: z.string(),
      undoId: z.string().optional(),
      isUpToDate: z.boolean(),
      how: z.enum(["fast-forward", "merge", "squash", "files"]),
      branch: z.string().optional(),
      before: z.string().optional(),
      after: z.string().optional(),
      checkout: z.string().optional(),
      files: z.array(z.string()).readonly(),
    })
    .meta({ id: "SessionResult" }),
);
