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
import { withAbsoluteRepository } from "../support/absolute-repository.ts";
import { deleteIfPresent } from "../support/delete-if-present.ts";
import { execToEnd, type ExecToEndOptions } from "../support/exec-to-end.ts";
import { checkUpload } from "../support/upload-limits.ts";
import { sessionBudgetSchema } from "../wire/access-schema.ts";
import { sessionResultSchema } from "../wire/result-schema.ts";
import { deletedSessionSchema, sessionDetailSchema } from "../wire/session-schema.ts";
import { sessionUploadSchema } from "../wire/upload-schema.ts";
import { type RemoteSource, withCallerEnvironment } from "./caller-request.ts";
import { spawnRemote } from "./remote-process.ts";
import { openRemoteTerminal } from "./remote-terminal.ts";
import { uploadForm } from "./upload-form.ts";

export interface RemoteSessionOptions extends RemoteSource {
  readonly id: string;
  readonly name: string;
  readonly isEphemeral: boolean;
}

/** A session's handle in a process that is not the daemon. */
export class RemoteSession implements Session {
  readonly id: string;
  readonly name: string;
  readonly #options: RemoteSessionOptions;

  constructor(options: RemoteSessionOptions) {
    this.id = options.id;
    this.name = options.name;
    this.#options = options;
  }

  detail(options: CallOptions & { readonly withWorkspace?: boolean | undefined } = {}): Promise<SessionDetail> {
    const path = this.#path(options.withWorkspace === true ? "?workspace=true" : "");
    return this.#options.http.json(
      { method: "GET", path, signal: options.signal, isRepeatable: true },
      sessionDetailSchema,
    );
  }

  async ready(options: CallOptions = {}): Promise<void> {
    const { signal } = options;
    await this.#options.http.text({ method: "GET", path: this.#path("/ready"), signal, isRepeatable: true });
  }

  exec(argv: readonly [string, ...string[]], options: ExecToEndOptions = {}): Promise<ExecResult> {
    return execToEnd((rest) => this.spawn(argv, rest), options);
  }

  spawn(argv: readonly [string, ...string[]], options: ExecOptions = {}): Promise<ProcessHandle> {
    return spawnRemote(this.#options.connector, { sessionId: this.id, argv }, options);
  }

  terminal(options: AgentTerminalOptions = {}): Promise<TerminalStream> {
    return openRemoteTerminal(this.#options.connector, this.id, options);
  }

  text(options: CallOptions & { readonly lines?: number | undefined } = {}): Promise<string> {
    const path = this.#path(`/logs${query({ lines: options.lines })}`);
    return this.#options.http.text({ method: "GET", path, signal: options.signal, isRepeatable: true });
  }

  diff(
    options: CallOptions & {
      readonly format?: "patch" | "stat" | "names" | undefined;
      readonly base?: string | undefined;
    } = {},
  ): Promise<string> {
    const path = this.#path(`/diff${query({ format: options.format, base: options.base })}`);
    return this.#options.http.text({ method: "GET", path, signal: options.signal, isRepeatable: true });
  }

  async upload(file: UploadFile, { signal }: CallOptions = {}): Promise<SessionUpload> {
    checkUpload(file.name, file.content.byteLength);
    const form = uploadForm(file);
    // A second one would be another file.
    const call = { method: "POST", path: this.#path("/upload"), form, signal, isRepeatable: false } as const;
    return this.#options.http.json(call, sessionUploadSchema);
  }

  merge(request: MergeRequest = {}, { signal }: CallOptions = {}): Promise<SessionResult> {
    const call = { method: "POST", path: this.#path("/merge"), body: request, signal, isRepeatable: false } as const;
    return this.#options.http.json(call, sessionResultSchema);
  }

  apply({ signal }: CallOptions = {}): Promise<SessionResult> {
    const call = { method: "POST", path: this.#path("/apply"), body: {}, signal, isRepeatable: false } as const;
    return this.#options.http.json(call, sessionResultSchema);
  }

  start(request: StartSessionRequest = {}, options: CallOptions = {}): Promise<SessionDetail> {
    return this.#change("start", withCallerEnvironment(request, this.#options.environment), options);
  }

  stop(options: CallOptions & { readonly graceMs?: number | undefined } = {}): Promise<SessionDetail> {
    const { signal, graceMs } = options;
    return this.#change("stop", { graceMs }, { signal });
  }

  delete(request: DeleteSessionRequest = {}, options: CallOptions = {}): Promise<DeletedSession> {
    return this.#options.http.json(
      { method: "DELETE", path: this.#path(""), body: request, signal: options.signal, isRepeatable: false },
      deletedSessionSchema,
    );
  }

  archive(options: CallOptions = {}): Promise<SessionDetail> {
    return this.#change("archive", {}, options);
  }

  unarchive(request: UnarchiveSessionRequest = {}, options: CallOptions = {}): Promise<SessionDetail> {
    return this.#change("unarchive", withAbsoluteRepository(request), options);
  }

  changeAccess(change: SessionAccessChange, { signal }: CallOptions = {}): Promise<SessionDetail> {
    // A lost answer is asked for again, but what is to be removed is in the list only once.
    const isRepeatable = change.remove === undefined;
    return this.#options.http.json(
      { method: "POST", path: this.#path("/access"), body: change, signal, isRepeatable },
      sessionDetailSchema,
    );
  }

  budget({ signal }: CallOptions = {}): Promise<SessionBudget> {
    return this.#options.http.json(
      { method: "GET", path: this.#path("/budget"), signal, isRepeatable: true },
      sessionBudgetSchema,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#options.isEphemeral) await deleteIfPresent(this);
  }

  #change(
    action: "start" | "stop" | "archive" | "unarchive",
    body: unknown,
    { signal }: CallOptions,
  ): Promise<SessionDetail> {
    return this.#options.http.json(
      { method: "POST", path: this.#path(`/${action}`), body, signal, isRepeatable: true },
      sessionDetailSchema,
    );
  }

  #path(rest: string): string {
    return `/api/sessions/${encodeURIComponent(this.id)}${rest}`;
  }
}

function query(values: Readonly<Record<string, string | number | undefined>>): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) given.set(name, String(value));
  return given.size === 0 ? "" : `?${given.toString()}`;
}
