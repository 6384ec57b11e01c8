import { z } from "zod";

import type { BackendCapabilities } from "../contract/backend-capabilities.ts";
import type { BackendOverview, ReconcileReport } from "../contract/clauderon.ts";
import type { DoctorReport } from "../contract/doctor-report.ts";
import { exactly } from "./exactly.ts";
import { isolationSchema } from "./session-schema.ts";

const capabilities = exactly<BackendCapabilities>()(
  z.object({
    image: z.boolean(),
    cpuLimit: z.boolean(),
    memoryLimit: z.boolean(),
    processLimit: z.boolean(),
    pullPolicy: z.boolean(),
    networkPolicy: z.boolean(),
    hibernate: z.boolean(),
    checkpoint: z.boolean(),
    refresh: z.boolean(),
    usage: z.boolean(),
    user: z.boolean(),
    isolation: isolationSchema,
    workspace: z.enum(["host", "mounted", "remote"]),
    terminal: z.enum(["bytes", "screen"]),
    channel: z.boolean().optional(),
  }),
);

const doctorCheck = z.object({
  id: z.string(),
  status: z.enum(["ok", "warning", "failed"]),
  message: z.string(),
  fix: z.string().optional(),
});

const doctorReport = exactly<DoctorReport>()(
  z.object({
    backendId: z.string(),
    isUsable: z.boolean(),
    version: z.string().optional(),
    checks: z.array(doctorCheck).readonly(),
  }),
);

const choice = z.object({ backendId: z.string().optional(), reason: z.string() });

/** `backendId` of a choice that fell on none is left out of JSON; reading puts the member back. */
const choiceShape = choice.transform((value) => ({ backendId: value.backendId, reason: value.reason }));

export const backendOverviewSchema: z.ZodType<BackendOverview> = exactly<BackendOverview>()(
  z
    .object({
      backends: z.array(z.object({ backendId: z.string(), capabilities, report: doctorReport })).readonly(),
      default: choiceShape,
      auto: choiceShape,
      workspaces: z.array(doctorCheck).readonly().optional(),
    })
    .meta({ id: "BackendOverview" }),
);

export const reconcileReportSchema: z.ZodType<ReconcileReport> = exactly<ReconcileReport>()(
  z
    .object({
      isDryRun: z.boolean(),
      findings: z
        .array(
          z.object({
            kind: z.enum(["orphan", "lost", "drifted", "adopted", "interrupted"]),
            subject: z.enum(["session", "sandbox", "workspace"]),
            name: z.string(),
            sessionId: z.string().optional(),
            backend: z.string().optional(),
            message: z.string(),
            action: z.string(),
          }),
        )
        .readonly(),
      durationMs: z.number(),
    })
    .meta({ id: "ReconcileReport" }),
);
