export { sessionAccessChangeSchema, sessionBudgetSchema } from "./access-schema.ts";
export { backendOverviewSchema, reconcileReportSchema } from "./backends-schema.ts";
export {
  daemonFileSchema,
  daemonStatusSchema,
  healthSchema,
  type DaemonFile,
  type DaemonStatus,
  type Health,
} from "./daemon-schema.ts";
export { sessionEventBodySchema, sessionEventSchema, sessionStateSchema } from "./event-schema.ts";
export {
  decodeExecClientFrame,
  decodeExecServerFrame,
  encodeExecClientFrame,
  encodeExecServerFrame,
  EXEC_PROTOCOL,
  EXEC_WINDOW_BYTES,
  type ExecClientFrame,
  type ExecControl,
  type ExecServerFrame,
} from "./exec-frames.ts";
export {
  execRequestSchema,
  execResultSchema,
  processExitSchema,
  processSignalSchema,
  type ExecRequest,
} from "./exec-schema.ts";
export { describeIssue, parseJson, parseValue } from "./parse-json.ts";
export { creationSchema } from "./progress-schema.ts";
export { errorFromProblem, errorSchema, PROBLEM_TYPE, problemSchema, toProblem, type Problem } from "./problem.ts";
export {
  createSessionRequestSchema,
  deletedSessionSchema,
  deleteSessionRequestSchema,
  sessionDetailSchema,
  sessionSummarySchema,
  startSessionRequestSchema,
  unarchiveSessionRequestSchema,
  stopSessionRequestSchema,
  terminalSizeSchema,
  workspaceStatusSchema,
  type StopSessionRequest,
} from "./session-schema.ts";
export {
  decodeStreamClientFrame,
  decodeStreamServerFrame,
  encodeStreamClientFrame,
  encodeStreamServerFrame,
  STREAM_PROTOCOL,
  STREAM_WINDOW_BYTES,
  type StreamClientFrame,
  type StreamServerFrame,
} from "./stream-frames.ts";
export {
  decodeTtyClientFrame,
  decodeTtyServerFrame,
  encodeTtyClientFrame,
  encodeTtyServerFrame,
  TTY_PROTOCOL,
  ttyClose,
  type TtyClientFrame,
  type TtyControl,
  type TtyServerFrame,
} from "./tty-frames.ts";
export { mergeRequestSchema, sessionResultSchema } from "./result-schema.ts";
export { checkpointRequestSchema, checkpointRestorationSchema, sessionCheckpointSchema } from "./checkpoint-schema.ts";
export { sessionUploadSchema } from "./upload-schema.ts";
export { takenBackSchema, undoRecordSchema, undoRequestSchema } from "./undo-schema.ts";
