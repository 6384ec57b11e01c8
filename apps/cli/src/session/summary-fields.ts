/** The fields of a session in lists; stable. */
export const summaryFields = [
  "schemaVersion",
  "id",
  "name",
  "state",
  "lifecycle",
  "attention",
  "backend",
  "agent",
  "repository",
  "branch",
  "workspace",
  "createdAt",
] as const;

export const detailFields = [
  ...summaryFields,
  "revision",
  "updatedAt",
  "base",
  "prompt",
  "model",
  "permissionMode",
  "isPlanMode",
  "isHeadless",
  "conversationId",
  "isolation",
  "exitCode",
  "error",
  "notices",
  "workspaceStatus",
] as const;
