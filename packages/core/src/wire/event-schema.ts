import { z } from "zod";

import type { SessionEvent, SessionEventBody } from "../contract/session-event.ts";
import type { SessionOperation, SessionState } from "../contract/session-state.ts";
import type { WorkspaceRecord } from "../contract/workspace.ts";
import { sessionAccessSchema } from "./access-schema.ts";
import { exactly } from "./exactly.ts";
import { errorSchema } from "./problem.ts";
import { mergeRequestSchema } from "./result-schema.ts";
import {
  isolationSchema,
  lifecycleSchema,
  permissionModeSchema,
  pullPolicySchema,
  resourceLimitsSchema,
} from "./session-schema.ts";

const workspaceRecord = exactly<WorkspaceRecord>()(
  z.object({
    kind: z.enum(["worktree", "private", "remote"]),
    path: z.string(),
    repositoryPath: z.string(),
    commonDirectory: z.string(),
    branch: z.string(),
    isOwnBranch: z.boolean(),
    base: z.string(),
    privateDirectory: z.string().optional(),
  }),
);

const operation = exactly<SessionOperation>()(
  z.object({
    kind: z.enum(["create", "start", "stop", "delete", "restore", "archive", "unarchive", "merge", "apply", "rewind"]),
    operationId: z.string(),
    receipts: z.array(z.string()).readonly(),
    undo: z.object({ reason: errorSchema, forgetsSession: z.boolean() }).optional(),
    launchId: z.string().optional(),
    deletion: z
      .object({
        discard: z.boolean().optional(),
        keepBranch: z.boolean().optional(),
        keepWorktree: z.boolean().optional(),
        ignored: z.enum(["keep", "drop"]).optional(),
      })
      .optional(),
    graceMs: z.number().optional(),
    undoId: z.string().optional(),
    workspace: workspaceRecord.optional(),
    merge: mergeRequestSchema.optional(),
    checkpoint: z.object({ id: z.string(), undoId: z.string() }).optional(),
  }),
);

const stateMembers = {
  id: z.string(),
  name: z.string(),
  lifecycle: lifecycleSchema,
  backend: z.string(),
  agent: z.string(),
  request: z.object({
    prompt: z.string().optional(),
    model: z.string().optional(),
    isPlanMode: z.boolean(),
    permissionMode: permissionModeSchema,
    isHeadless: z.boolean(),
    forkOf: z.string().optional(),
  }),
  conversationId: z.string(),
  isolation: isolationSchema,
  workspace: workspaceRecord,
  workspaceRequest: z.object({
    base: z.string().optional(),
    branch: z.string().optional(),
    withChanges: z.boolean(),
    checkpoint: z.string().optional(),
    isSetupTrusted: z.boolean().optional(),
  }),
  sandbox: z.object({
    image: z.string().optional(),
    pullPolicy: pullPolicySchema.optional(),
    limits: resourceLimitsSchema.optional(),
  }),
  access: sessionAccessSchema.optional(),
  launchId: z.string().optional(),
  exitCode: z.int().optional(),
  error: errorSchema.optional(),
  notices: z.array(z.string()).readonly(),
  copied: z.array(z.string()).readonly().optional(),
  idempotencyKey: z.string().optional(),
  operation: operation.optional(),
  createdAt: z.string(),
};

export const sessionStateSchema: z.ZodType<SessionState> = exactly<SessionState>()(
  z.object({ ...stateMembers, revision: z.int(), updatedAt: z.string() }),
);

const exchange = { vendor: z.enum(["anthropic", "openai", "gemini"]), exchangeId: z.string() };

const modelEventSchemas = [
  z.object({
    type: z.literal("model.turn-started"),
    ...exchange,
    model: z.string().optional(),
    promptHash: z.string().optional(),
    cause: z.enum(["prompt", "continuation"]),
    isSideCall: z.boolean(),
  }),
  z.object({ type: z.literal("model.text"), ...exchange, characters: z.int() }),
  z.object({ type: z.literal("model.tool-used"), ...exchange, tool: z.string() }),
  z.object({ type: z.literal("model.waiting"), ...exchange, reason: z.enum(["question", "plan"]), tool: z.string() }),
  z.object({
    type: z.literal("model.usage"),
    ...exchange,
    model: z.string().optional(),
    usage: z.object({
      inputTokens: z.int(),
      cachedInputTokens: z.int(),
      cacheWriteTokens: z.int(),
      longCacheWriteTokens: z.int(),
      outputTokens: z.int(),
      isEstimated: z.boolean(),
    }),
  }),
  z.object({
    type: z.literal("model.error"),
    ...exchange,
    class: z.enum(["overloaded", "rate-limit", "quota", "auth", "request", "server", "network"]),
    status: z.int(),
    code: z.string().optional(),
  }),
  z.object({
    type: z.literal("model.turn-ended"),
    ...exchange,
    reason: z.enum(["end", "tool-use", "length", "refused", "paused", "aborted", "failed"]),
  }),
] as const;

export const sessionEventBodySchema: z.ZodType<SessionEventBody> = exactly<SessionEventBody>()(
  z.discriminatedUnion("type", [
    z.object({ type: z.literal("session.created"), state: z.object(stateMembers) }),
    z.object({ type: z.literal("session.operation-requested"), operation }),
    z.object({
      type: z.literal("session.step-completed"),
      operationId: z.string(),
      step: z.string(),
      patch: z
        .object({
          launchId: z.string().optional(),
          notices: z.array(z.string()).readonly().exactOptional(),
          workspace: workspaceRecord.exactOptional(),
          conversationId: z.string().exactOptional(),
          copied: z.array(z.string()).readonly().optional(),
        })
        .optional(),
    }),
    z.object({
      type: z.literal("session.undo-requested"),
      operationId: z.string(),
      reason: errorSchema,
      forgetsSession: z.boolean(),
    }),
    z.object({ type: z.literal("session.started"), operationId: z.string() }),
    z.object({
      type: z.literal("session.stopped"),
      operationId: z.string().optional(),
      exitCode: z.int().optional(),
    }),
    z.object({
      type: z.literal("session.failed"),
      operationId: z.string().optional(),
      error: errorSchema,
      exitCode: z.int().optional(),
    }),
    z.object({ type: z.literal("session.adopted") }),
    z.object({ type: z.literal("session.archived"), operationId: z.string() }),
    z.object({ type: z.literal("session.result-ended"), operationId: z.string(), error: errorSchema.optional() }),
    z.object({ type: z.literal("session.access-changed"), access: sessionAccessSchema }),
    z.object({
      type: z.literal("session.deleted"),
      operationId: z.string().optional(),
      kept: z.array(z.string()).readonly(),
    }),
    z.object({ type: z.literal("session.synced"), notices: z.array(z.string()).readonly() }),
    z.object({
      type: z.literal("agent.reported"),
      event: z.string(),
      tool: z.string().optional(),
      detail: z.string().optional(),
    }),
    ...modelEventSchemas,
  ]),
);

export const sessionEventSchema: z.ZodType<SessionEvent> = exactly<SessionEvent>()(
  z
    .object({
      cursor: z.int(),
      sessionId: z.string(),
      sessionName: z.string(),
      at: z.string(),
      body: sessionEventBodySchema,
    })
    .meta({ id: "SessionEvent" }),
);
