import type { CallOptions } from "../contract/call-options.ts";
import { SandboxError } from "../contract/errors/sandbox-error.ts";
import type { Sandbox } from "../contract/sandbox.ts";
import type { SessionState } from "../contract/session-state.ts";
import { sandboxParts, type SandboxPartsOptions } from "./sandbox-parts.ts";

/** Open handles, one per session: opened when first needed, dropped when the sandbox changes under them. */
export class SandboxCache {
  readonly #options: SandboxPartsOptions;
  readonly #handles = new Map<string, Sandbox>();

  constructor(options: SandboxPartsOptions) {
    this.#options = options;
  }

  put(sandbox: Sandbox): void {
    this.#handles.set(sandbox.sandboxId, sandbox);
  }

  async find(state: SessionState, options: CallOptions = {}): Promise<Sandbox | undefined> {
    const known = this.#handles.get(state.id);
    if (known !== undefined) return known;
    const parts = await sandboxParts(state, this.#options);
    const sandbox = await this.#options.registry.get(state.backend).open(state.id, { ...parts, ...options });
    if (sandbox !== undefined) this.#handles.set(state.id, sandbox);
    return sandbox;
  }

  /** Rejects with `sandbox.not-found`. */
  async require(state: SessionState, options: CallOptions = {}): Promise<Sandbox> {
    const sandbox = await this.find(state, options);
    if (sandbox !== undefined) return sandbox;
    throw new SandboxError({
      code: "sandbox.not-found",
      message: `Session ${state.name} has no sandbox on ${state.backend}`,
      why: state.error?.message,
      fix: [`start it again: clauderon start ${state.name}`],
      context: { session: state.name, backend: state.backend },
    });
  }

  async drop(id: string): Promise<void> {
    const sandbox = this.#handles.get(id);
    this.#handles.delete(id);
    await sandbox?.[Symbol.asyncDispose]();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#handles.keys()].map((id) => this.drop(id)));
  }
}
