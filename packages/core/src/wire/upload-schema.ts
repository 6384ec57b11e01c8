import { z } from "zod";

import type { SessionUpload } from "../contract/upload.ts";
import { exactly } from "./exactly.ts";

export const sessionUploadSchema: z.ZodType<SessionUpload> = exactly<SessionUpload>()(
  z
    .object({
      schemaVersion: z.literal(1),
      session: z.string(),
      name: z.string(),
      path: z.string(),
      sizeBytes: z.int(),
    })
    .meta({ id: "SessionUpload" }),
);
