import type { CredentialRule } from "../policy/proxy-types.ts";

export type WiredAgent = "claude" | "codex" | "gemini" | "other";

export interface WiringRequest {
  readonly sessionId: string;
  /** As seen from inside: `http://127.0.0.1:18100`; on host backends with the session's token as user and password. */
  readonly proxyUrl: string;
  /** The bundle of our certificate, the system's roots and the user's own, as seen from inside. */
  readonly caBundlePath: string;
  /** The same for Java. */
  readonly javaTrustStore?: { readonly path: string; readonly password: string } | undefined;
  /** Hosts reached without the proxy, beside the sandbox itself. */
  readonly noProxy?: readonly string[] | undefined;
  readonly agent: WiredAgent;
  readonly rules: readonly CredentialRule[];
  /** Names of the secrets that exist: no placeholder without one. */
  readonly secrets: ReadonlySet<string>;
  /** Names of the variables that the sandbox has anyway; those that hold a credential which the proxy puts in get its placeholder. */
  readonly given?: ReadonlySet<string> | undefined;
  /**
   * The agent's home inside an isolated sandbox, where its files may be written. Absent on host backends: there the user's own files stay as they are and the
   * agent is told by arguments alone.
   */
  readonly home?: string | undefined;
  /** The ChatGPT account of the `codex-access` secret; it goes into a header and is no secret. */
  readonly codexAccountId?: string | undefined;
  /** The port of the daemon's API, when the sandbox can reach it. */
  readonly daemonPort?: number | undefined;
  /** ISO 8601; written into files that want a date. */
  readonly now: string;
}

/** A file of the agent's inside the sandbox. */
export interface WiredFile {
  readonly path: string;
  readonly content: string;
  /** Permission bits. */
  readonly mode: number;
  /** When the file is there: leave it, or merge the objects of both, ours winning (JSON). */
  readonly ifPresent: "keep" | "merge-json";
}

export interface SandboxWiring {
  readonly environment: Readonly<Record<string, string>>;
  readonly files: readonly WiredFile[];
  /** To be put before the agent's own arguments. */
  readonly agentArguments: readonly string[];
}
