import { BackendError, type BackendContext, type CallOptions } from "@clauderon/core/contract";
import { findProgram } from "@clauderon/core/host";

import { commandEnvironment } from "./zellij-environment.ts";
import { judgeVersion, neededVersion, type ZellijVersion } from "./zellij-version.ts";

const TIMEOUT_MS = 30_000;

/** The install commands of every error about zellij. */
export const installFixes: readonly [string, ...string[]] = ["brew install zellij", "cargo install zellij"];

/** Where zellij is and what it is; without a path it was not found. */
export interface FoundZellij extends ZellijVersion {
  readonly path?: string | undefined;
}

/** Looks for zellij once and keeps to what was found: sessions are shared by all versions of a machine. */
export class ZellijProgram {
  readonly #context: BackendContext;
  readonly #wanted: string | undefined;
  #usable: Promise<string> | undefined;

  constructor(context: BackendContext, wanted: string | undefined) {
    this.#context = context;
    this.#wanted = wanted;
  }

  /** Looks anew. */
  async find(options?: CallOptions): Promise<FoundZellij> {
    const found = await findProgram(this.#wanted ?? "zellij", { cwd: "/", environment: process.env });
    if (!("path" in found)) return { verdict: "unreadable" };
    const { stdout } = await this.#context.runner.run(found.path, ["--version"], {
      environment: commandEnvironment({}, process.env),
      timeoutMs: TIMEOUT_MS,
      signal: options?.signal,
    });
    return { path: found.path, ...judgeVersion(stdout) };
  }

  /** The absolute path; rejects with `backend.unavailable`, naming the version found and the one needed. */
  usable(): Promise<string> {
    this.#usable ??= this.#findUsable().catch((error: unknown) => {
      this.#usable = undefined;
      throw error;
    });
    return this.#usable;
  }

  async #findUsable(): Promise<string> {
    const { path, version, verdict } = await this.find();
    if (path === undefined) {
      throw new BackendError({
        message: "zellij is not installed",
        why: `${this.#wanted ?? "zellij"} was not found; version ${neededVersion} or newer is needed`,
        fix: [...installFixes, "or use the built-in backend: --backend local"],
        context: { needed: neededVersion },
      });
    }
    if (verdict === "too-old") {
      throw new BackendError({
        message: `zellij ${version ?? ""} is too old`,
        why: `${path} has version ${version ?? ""}; version ${neededVersion} or newer is needed`,
        fix: [...installFixes, "or use the built-in backend: --backend local"],
        context: { found: version, needed: neededVersion, path },
      });
    }
    return path;
  }
}
