import type { CallOptions } from "../contract/call-options.ts";
import type { ExecResult, Session } from "../contract/clauderon.ts";
import type { ExecOptions, ProcessHandle } from "../contract/process.ts";
import type { MergeRequest, SessionResult } from "../contract/result.ts";
import type { SessionAccessChange, SessionBudget } from "../contract/session-access.ts";
import type {
  DeletedSession,
  DeleteSessionRequest,
  SessionDetail,
  StartSessionRequest,
  UnarchiveSessionRequest,
} from "../contract/session.ts";
import type { AgentTerminalOptions, TerminalStream } from "../contract/terminal.ts";
import type { SessionUpload, UploadFile } from "../contract/upload.ts";
import { abortable } from "../support/abortable.ts";
import { withAbsoluteRepository } from "../support/absolute-repository.ts";
import { deleteIfPresent } from "../support/delete-if-present.ts";
import { execToEnd, type ExecToEndOptions } from "../support/exec-to-end.ts";
import type { SessionService } from "./session-service.ts";

/** A session of the engine in this process. */
export class EngineSession implements Session {
  readonly id: string;
  readonly name: string;
  readonly #service: SessionService;
  readonly #isEphemeral: boolean;

  constructor(service: SessionService, identity: { readonly id: string; readonly name: string }, isEphemeral = false) {
    this.id = identity.id;
    this.name = identity.name;
    this.#service = service;
    this.#isEphemeral = isEphemeral;
  }

  detail(options?: CallOptions & { readonly withWorkspace?: boolean | undefined }): Promise<SessionDetail> {
    return this.#service.detail(this.id, options);
  }

  ready(options?: CallOptions): Promise<void> {
    return this.#service.ready(this.id, options);
  }

  exec(argv: readonly [string, ...string[]], options: ExecToEndOptions = {}): Promise<ExecResult> {
    return execToEnd((rest) => this.spawn(argv, rest), options);
  }

  spawn(argv: readonly [string, ...string[]], options?: ExecOptions): Promise<ProcessHandle> {
    return this.#service.spawn(this.id, argv, options);
  }

  terminal(options?: AgentTerminalOptions): Promise<TerminalStream> {
    return this.#service.terminal(this.id, options);
  }

  text(options?: CallOptions & { readonly lines?: number | undefined }): Promise<string> {
    return this.#service.text(this.id, options);
  }

  diff(
    options?: CallOptions & {
      readonly format?: "patch" | "stat" | "names" | undefined;
      readonly base?: string | undefined;
    },
  ): Promise<string> {
    return this.#service.diff(this.id, options);
  }

  upload(file: UploadFile, options?: CallOptions): Promise<SessionUpload> {
    return this.#service.upload(this.id, file, options);
  }

  merge(merge?: MergeRequest, options?: CallOptions): Promise<SessionResult> {
    return abortable(this.#service.takeResult(this.id, { kind: "merge", merge }, options), options?.signal);
  }

  apply(options?: CallOptions): Promise<SessionResult> {
    return abortable(this.#service.takeResult(this.id, { kind: "apply" }, options), options?.signal);
  }

  start(request?: StartSessionRequest, options?: CallOptions): Promise<SessionDetail> {
    return abortable(this.#service.start(this.id, request), options?.signal);
  }

  stop(options?: CallOptions & { readonly graceMs?: number | undefined }): Promise<SessionDetail> {
    return abortable(this.#service.stop(this.id, options), options?.signal);
  }

  delete(request?: DeleteSessionRequest, options?: CallOptions): Promise<DeletedSession> {
    return abortable(this.#service.delete(this.id, request), options?.signal);
  }

  archive(options?: CallOptions): Promise<SessionDetail> {
    return abortable(this.#service.archive(this.id), options?.signal);
  }

  unarchive(request?: UnarchiveSessionRequest, options?: CallOptions): Promise<SessionDetail> {
    const absolute = request?.repository === undefined ? request : withAbsoluteRepository(request);
    return abortable(this.#service.unarchive(this.id, absolute, options), options?.signal);
  }

  changeAccess(change: SessionAccessChange, options?: CallOptions): Promise<SessionDetail> {
    return abortable(this.#service.access.change(this.id, change), options?.signal);
  }

  budget(options?: CallOptions): Promise<SessionBudget> {
    return abortable(this.#service.access.budget(this.id), options?.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isEphemeral) await deleteIfPresent(this);
  }
}
