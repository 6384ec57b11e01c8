export type { Agent, AgentPlan, AgentPlanRequest, AgentRequest, PermissionMode } from "./agent.ts";
export type { AgentReport, AgentReportEventBody, AgentReports, AgentReportsOptions } from "./agent-report.ts";
export type { Backend, BackendContext, BackendModule, SandboxSummary } from "./backend.ts";
export type {
  BackendCapabilities,
  Capability,
  Isolation,
  TerminalKind,
  WorkspaceAccess,
} from "./backend-capabilities.ts";
export type { CallOptions } from "./call-options.ts";
export type { Checkpoint, Checkpoints } from "./checkpoint.ts";
export type {
  BackendChoice,
  BackendInfo,
  BackendOverview,
  Clauderon,
  CreateSessionOptions,
  ExecResult,
  ReconcileFinding,
  ReconcileReport,
  Session,
  Sessions,
} from "./clauderon.ts";
export type { Clock } from "./clock.ts";
export type { CommandOptions, CommandResult, CommandRunner } from "./command-runner.ts";
export type { CreationProgress, OnCreationProgress } from "./creation-progress.ts";
export type { DoctorCheck, DoctorReport } from "./doctor-report.ts";
export {
  AgentError,
  BackendError,
  CapabilityUnsupportedError,
  ClauderonError,
  CommandError,
  DaemonError,
  errorFromJson,
  errorTable,
  FileError,
  InternalError,
  OperationError,
  RequestError,
  SandboxError,
  SessionError,
  SettingsError,
  StoreError,
  UsageError,
  WorkspaceError,
  type ClauderonErrorJson,
  type ClauderonErrorOptions,
  type ErrorCode,
  type ErrorTableRow,
} from "./errors/index.ts";
export { silentLogger, type Logger } from "./logger.ts";
export type { ExecOptions, ProcessExit, ProcessHandle, ProcessSignal, TerminalSize } from "./process.ts";
export { requireCapabilities } from "./require-capabilities.ts";
export type {
  AgentLaunch,
  AgentProcessStatus,
  Sandbox,
  SandboxState,
  SandboxStatus,
  SandboxUsage,
  StopOptions,
} from "./sandbox.ts";
export type { DirectoryEntry, FileStatus, SandboxFiles, WriteFileOptions } from "./sandbox-files.ts";
export type {
  ChannelCarrier,
  GuestProgram,
  NetworkPolicy,
  PullPolicy,
  ResourceLimits,
  SandboxChannel,
  SandboxId,
  SandboxParts,
  SandboxSpec,
  WorkspaceMount,
} from "./sandbox-spec.ts";
export type {
  AccessMode,
  BudgetAccount,
  ModelSpending,
  SessionAccess,
  SessionAccessChange,
  SessionBudget,
} from "./session-access.ts";
export type { ModelEventBody, ModelUsage } from "./model-event.ts";
export type { SessionEvent, SessionEventBody, SessionEventType, SessionPatch } from "./session-event.ts";
export type { SessionOperation, SessionState } from "./session-state.ts";
export type { AppendRequest, RecordRequest, SessionStore } from "./session-store.ts";
export type {
  Attention,
  CreateSessionRequest,
  DeletedSession,
  DeleteSessionRequest,
  Lifecycle,
  SessionDetail,
  SessionId,
  SessionSummary,
  SessionWord,
  StartSessionRequest,
  UnarchiveSessionRequest,
} from "./session.ts";
export type { AgentTerminalOptions, TerminalChunk, TerminalStream } from "./terminal.ts";
export type { TakenBack, Undo, UndoRecord, UndoRequest } from "./undo.ts";
export { uploadsDirectory, type SessionUpload, type UploadFile } from "./upload.ts";
export { noPowers, unsupportedPowers } from "./unsupported-powers.ts";
export type {
  CheckpointTrigger,
  WorkspaceCheckpoint,
  WorkspaceCheckpointRequest,
  WorkspaceCheckpointRestoration,
  WorkspaceCheckpoints,
} from "./workspace-checkpoint.ts";
export type { CheckpointRestoration, SessionCheckpoint, SessionCheckpoints } from "./session-checkpoint.ts";
export type { MergeRequest, SessionResult } from "./result.ts";
export type {
  RepositoryInfo,
  UncommittedChanges,
  WorkspaceFinding,
  WorkspaceCreation,
  WorkspaceInclude,
  WorkspaceProvider,
  WorkspaceRecord,
  WorkspaceRemoval,
  WorkspaceRequest,
  WorkspaceResult,
  WorkspaceResultRecord,
  WorkspaceResultRequest,
  WorkspaceResults,
  WorkspaceRestoreRequest,
  WorkspaceStatus,
  WorkspaceSending,
  WorkspaceSync,
  WorkspaceUndoRecord,
  WorkspaceUndoRecords,
} from "./workspace.ts";
