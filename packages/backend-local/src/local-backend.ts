import { stat } from "node:fs/promises";
import { join } from "node:path";

import {
  noPowers,
  requireCapabilities,
  SandboxError,
  SettingsError,
  type Backend,
  type BackendCapabilities,
  type BackendContext,
  type CallOptions,
  type Sandbox,
  type SandboxId,
  type SandboxSpec,
  type SandboxSummary,
} from "@clauderon/core/contract";
import { createSandboxRecords, createSessionHostClient, type SandboxRecord } from "@clauderon/terminal";

import { localDoctor } from "./local-doctor.ts";
import { createLocalSandbox } from "./local-sandbox.ts";

export const localCapabilities: BackendCapabilities = {
  isolation: "none",
  workspace: "host",
  terminal: "bytes",
  ...noPowers,
};

const backendId = "local";

/** Sessions as processes of this machine, in the session host of the home. Nothing has to be installed, and nothing isolates the agent. No I/O here. */
export function createLocalBackend(context: BackendContext, settings: Readonly<Record<string, unknown>> = {}): Backend {
  const [unknown] = Object.keys(settings);
  if (unknown !== undefined) {
    throw new SettingsError({
      message: `The local backend has no setting ${unknown}`,
      fix: [`remove ${unknown} from [backends.local]`],
    });
  }
  const { homeDirectory, instanceId, logger } = context;
  const records = createSandboxRecords(join(homeDirectory, "state", backendId), instanceId);
  const client = createSessionHostClient({ homeDirectory, instanceId, logger });
  const creating = new Map<SandboxId, Promise<Sandbox>>();
  const handle = (record: SandboxRecord): Sandbox => createLocalSandbox({ instanceId, record, records, client });

  const make = async (spec: SandboxSpec): Promise<Sandbox> => {
    const workspacePath = spec.workspace.hostPath;
    const isDirectory =
      workspacePath !== undefined && (await stat(workspacePath).catch(() => undefined))?.isDirectory();
    if (workspacePath === undefined || !isDirectory) {
      throw new SandboxError({
        message: `The workspace ${workspacePath ?? "of the session"} is not a directory of this machine`,
        fix: ["restore it, or create the session anew"],
      });
    }
    const { sandboxId, name, environment } = spec;
    const existing = await records.read(sandboxId);
    const record = existing ?? { sandboxId, instanceId, name, workspacePath, state: "running" as const, launches: [] };
    if (existing === undefined) await records.write(record);
    try {
      await client.openSandbox({ sandboxId, name, cwd: workspacePath, environment });
      if (existing?.state === "stopped")
        await records.update(sandboxId, (current) => ({ ...current, state: "running" }));
      return handle(record);
    } catch (error) {
      if (existing === undefined) await records.remove(sandboxId);
      throw error;
    }
  };

  return {
    specificationVersion: "backend-v1",
    backendId,
    capabilities: localCapabilities,

    doctor: (options) => localDoctor(context, options),

    async create(spec: SandboxSpec, { signal }: CallOptions = {}) {
      requireCapabilities(backendId, localCapabilities, spec);
      signal?.throwIfAborted();
      const running = creating.get(spec.sandboxId) ?? make(spec).finally(() => creating.delete(spec.sandboxId));
      creating.set(spec.sandboxId, running);
      const sandbox = await running;
      if (signal?.aborted) {
        await sandbox.destroy({ graceMs: 0 });
        throw signal.reason;
      }
      return sandbox;
    },

    async open(sandboxId: SandboxId, { signal }: CallOptions = {}) {
      signal?.throwIfAborted();
      const record = await records.read(sandboxId);
      return record === undefined ? undefined : handle(record);
    },

    async *list({ signal }: CallOptions = {}): AsyncGenerator<SandboxSummary, void, void> {
      signal?.throwIfAborted();
      const hosted = new Map((await client.listSandboxes({ signal })).map((sandbox) => [sandbox.sandboxId, sandbox]));
      const known = await records.list();
      for (const { sandboxId, name } of known) {
        signal?.throwIfAborted();
        yield { sandboxId, name, state: hosted.get(sandboxId)?.state === "running" ? "running" : "stopped" };
        hosted.delete(sandboxId);
      }
      for (const { sandboxId, name } of hosted.values()) yield { sandboxId, name, state: "unknown" };
    },

    close: () => client.close(),
    [Symbol.asyncDispose]: () => client.close(),
  };
}
