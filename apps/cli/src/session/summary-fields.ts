/** The fields of a session in lists; stable. */
export const summaryFields: readonly string[] = [
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
];

export const detailFields: readonly string[] = [
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
];
