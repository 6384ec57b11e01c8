import { z } from "zod";

import type { PermissionMode } from "../contract/agent.ts";
import type { Isolation } from "../contract/backend-capabilities.ts";
import type { PullPolicy, ResourceLimits } from "../contract/sandbox-spec.ts";
import type {
  Attention,
  CreateSessionRequest,
  DeletedSession,
  DeleteSessionRequest,
  Lifecycle,
  SessionDetail,
  SessionSummary,
  SessionWord,
  StartSessionRequest,
  UnarchiveSessionRequest,
} from "../contract/session.ts";
import type { WorkspaceStatus } from "../contract/workspace.ts";
import { accessMembers, accessRequest } from "./access-schema.ts";
import { exactly } from "./exactly.ts";
import { errorSchema } from "./problem.ts";

export const lifecycleSchema: z.ZodType<Lifecycle> = exactly<Lifecycle>()(
  z.enum(["creating", "running", "hibernated", "stopped", "failed", "deleting", "archived"]),
);
const attention = exactly<Attention>()(z.enum(["working", "waiting", "done", "idle", "unknown"]));
const word = exactly<SessionWord>()(
  z.enum([
    "creating",
    "running",
    "hibernated",
    "stopped",
    "failed",
    "deleting",
    "archived",
    "working",
    "waiting",
    "done",
    "idle",
  ]),
);
export const permissionModeSchema: z.ZodType<PermissionMode> = exactly<PermissionMode>()(
  z.enum(["ask", "edits", "auto", "bypass"]),
);
export const isolationSchema: z.ZodType<Isolation> = exactly<Isolation>()(z.enum(["none", "container", "pod", "vm"]));
export const pullPolicySchema: z.ZodType<PullPolicy> = exactly<PullPolicy>()(
  z.enum(["always", "if-not-present", "never"]),
);
export const resourceLimitsSchema: z.ZodType<ResourceLimits> = exactly<ResourceLimits>()(
  z.strictObject({
    cpus: z.number().positive().optional(),
    memoryBytes: z.number().positive().optional(),
    processes: z.number().positive().optional(),
  }),
);

/** Of a terminal, in characters; what a 16-bit frame field can hold and a screen can be. */
export const terminalSizeSchema: z.ZodType<{ readonly columns: number; readonly rows: number }> = exactly<{
  readonly columns: number;
  readonly rows: number;
}>()(z.strictObject({ columns: z.int().min(1).max(1000), rows: z.int().min(1).max(1000) }));

const environment = z.record(z.string().min(1).max(1024), z.string()).readonly().optional();

const summaryMembers = {
  schemaVersion: z.literal(1),
  id: z.string(),
  name: z.string(),
  state: word,
  lifecycle: lifecycleSchema,
  attention,
  backend: z.string(),
  agent: z.string(),
  repository: z.string(),
  branch: z.string(),
  workspace: z.string(),
  createdAt: z.string(),
};

export const sessionSummarySchema: z.ZodType<SessionSummary> = exactly<SessionSummary>()(
  z.object(summaryMembers).meta({ id: "SessionSummary" }),
);

export const workspaceStatusSchema: z.ZodType<WorkspaceStatus> = exactly<WorkspaceStatus>()(
  z.object({
    exists: z.boolean(),
    staged: z.int(),
    unstaged: z.int(),
    untracked: z.int(),
    unreachedCommits: z.int(),
    stashes: z.int().optional(),
    isBehind: z.boolean().optional(),
    files: z.array(z.string()).readonly(),
    ignored: z.object({ bytes: z.number(), isMore: z.boolean() }).optional(),
    unsynced: z.object({ since: z.string() }).optional(),
  }),
);

export const sessionDetailSchema: z.ZodType<SessionDetail> = exactly<SessionDetail>()(
  z
    .object({
      ...summaryMembers,
      revision: z.int(),
      updatedAt: z.string(),
      base: z.string(),
      prompt: z.string().optional(),
      model: z.string().optional(),
      permissionMode: permissionModeSchema,
      isPlanMode: z.boolean(),
      isHeadless: z.boolean(),
      conversationId: z.string(),
      isolation: isolationSchema,
      ...accessMembers,
      exitCode: z.int().optional(),
      error: errorSchema.optional(),
      notices: z.array(z.string()).readonly(),
      syncNotices: z.array(z.string()).readonly().optional(),
      copied: z.array(z.string()).readonly().optional(),
      workspaceStatus: workspaceStatusSchema.optional(),
    })
    .meta({ id: "SessionDetail" }),
);

export const createSessionRequestSchema: z.ZodType<CreateSessionRequest> = exactly<CreateSessionRequest>()(
  z
    .strictObject({
      repository: z.string().min(1),
      name: z.string().optional(),
      prompt: z.string().optional(),
      backend: z.string().optional(),
      agent: z.string().optional(),
      model: z.string().optional(),
      isPlanMode: z.boolean().optional(),
      permissionMode: permissionModeSchema.optional(),
      isHeadless: z.boolean().optional(),
      base: z.string().optional(),
      branch: z.string().optional(),
      withChanges: z.boolean().optional(),
      checkpoint: z.string().min(1).max(100).optional(),
      isSetupTrusted: z.boolean().optional(),
      image: z.string().optional(),
      pullPolicy: pullPolicySchema.optional(),
      limits: resourceLimitsSchema.optional(),
      ...accessRequest,
      callerEnvironment: environment,
      environment,
      size: terminalSizeSchema.optional(),
      idempotencyKey: z.string().min(1).max(128).optional(),
    })
    .meta({ id: "CreateSessionRequest" }),
);

export const deleteSessionRequestSchema: z.ZodType<DeleteSessionRequest> = exactly<DeleteSessionRequest>()(
  z
    .strictObject({
      discard: z.boolean().optional(),
      keepBranch: z.boolean().optional(),
      keepWorktree: z.boolean().optional(),
      ignored: z.enum(["keep", "drop"]).optional(),
    })
    .meta({ id: "DeleteSessionRequest" }),
);

export const deletedSessionSchema: z.ZodType<DeletedSession> = exactly<DeletedSession>()(
  z
    .object({
      id: z.string(),
      name: z.string(),
      kept: z.array(z.string()).readonly(),
      undoUntil: z.string().optional(),
    })
    .meta({ id: "DeletedSession" }),
);

export const startSessionRequestSchema: z.ZodType<StartSessionRequest> = exactly<StartSessionRequest>()(
  z
    .strictObject({ callerEnvironment: environment, environment, size: terminalSizeSchema.optional() })
    .meta({ id: "StartSessionRequest" }),
);

export const unarchiveSessionRequestSchema: z.ZodType<UnarchiveSessionRequest> = exactly<UnarchiveSessionRequest>()(
  z.strictObject({ repository: z.string().min(1).optional() }).meta({ id: "UnarchiveSessionRequest" }),
);

export interface StopSessionRequest {
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly graceMs?: number | undefined;
}

export const stopSessionRequestSchema: z.ZodType<StopSessionRequest> = exactly<StopSessionRequest>()(
  z.strictObject({ graceMs: z.int().min(0).max(3_600_000).optional() }).meta({ id: "StopSessionRequest" }),
);
