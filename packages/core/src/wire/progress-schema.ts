import { z } from "zod";

import type { CreationProgress } from "../contract/creation-progress.ts";
import { exactly } from "./exactly.ts";

const creationProgressSchema: z.ZodType<CreationProgress> = exactly<CreationProgress>()(
  z
    .object({
      task: z.enum(["clone", "history"]),
      phase: z.enum(["counting", "writing"]),
      bytes: z.number(),
      totalBytes: z.number().optional(),
    })
    .meta({ id: "CreationProgress" }),
);

/** What is known of a creation by its key; empty when there is nothing to tell, or no such creation. */
export const creationSchema: z.ZodType<{ progress?: CreationProgress | undefined }> = z
  .object({ progress: creationProgressSchema.optional() })
  .meta({ id: "Creation" });
