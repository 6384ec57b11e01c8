import { spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";

import { ClauderonError, SandboxError, type SandboxSummary } from "../../src/contract/index.ts";
import { overlay, sandboxMutant, withSandboxes, type Mutant } from "./mutant.ts";

const TOKEN = /contract-[0-9a-f]{8}-[0-9a-f-]{36}/;

/** A process that no backend knows of, with the token among its arguments. */
function leak(token: string): void {
  spawn("sh", ["-c", "while :; do sleep 0.2; done", token], { detached: true, stdio: "ignore" }).unref();
}

const gone = (): SandboxError =>
  new SandboxError({ code: "sandbox.not-found", message: "It is gone already", fix: ["create it anew"] });

/** Remembers the token of each sandbox's daemonising agent. */
function daemonTokens(): { readonly tokens: Map<string, string>; readonly remember: ReturnType<typeof withSandboxes> } {
  const tokens = new Map<string, string>();
  return {
    tokens,
    remember: withSandboxes((sandbox) => ({
      startAgent: (launch, options) => {
        const token = launch.argv.find((argument) => TOKEN.test(argument));
        if (token !== undefined && launch.argv[2]?.includes("setsid") === true) tokens.set(sandbox.sandboxId, token);
        return sandbox.startAgent(launch, options);
      },
    })),
  };
}

export const lifecycleMutants: readonly Mutant[] = [
  {
    name: "leaks a process on destroy",
    fails: ["lifecycle:destroy:running", "cleanup:processes"],
    breaks: () => {
      const { tokens, remember } = daemonTokens();
      const change = withSandboxes((sandbox) => ({
        destroy: async (options) => {
          await sandbox.destroy(options);
          const token = tokens.get(sandbox.sandboxId);
          if (token !== undefined) leak(token);
        },
      }));
      return (good, context) => change(remember(good, context), context);
    },
  },
  {
    name: "leaves a daemonised child on stop",
    fails: ["lifecycle:stop:daemonised", "cleanup:processes"],
    breaks: () => {
      const { tokens, remember } = daemonTokens();
      const change = withSandboxes((sandbox) => ({
        stop: async (options) => {
          await sandbox.stop(options);
          const token = tokens.get(sandbox.sandboxId);
          if (token !== undefined) leak(token);
        },
      }));
      return (good, context) => change(remember(good, context), context);
    },
  },
  sandboxMutant({
    name: "throws when it is destroyed twice",
    fails: ["lifecycle:destroy:twice", "lifecycle:destroy:other-handle"],
    change: (sandbox) => ({
      destroy: async (options) => {
        if ((await sandbox.inspect()).state === "missing") throw gone();
        await sandbox.destroy(options);
      },
    }),
  }),
  sandboxMutant({
    name: "throws when it is stopped twice",
    fails: ["lifecycle:stop:twice"],
    mayFail: ["lifecycle:stop:concurrent"],
    change: (sandbox) => ({
      stop: async (options) => {
        if ((await sandbox.inspect()).state === "stopped") throw gone();
        await sandbox.stop(options);
      },
    }),
  }),
  sandboxMutant({
    name: "stops without a grace",
    fails: ["lifecycle:stop:term-first", "lifecycle:stop:grace"],
    change: (sandbox) => ({ stop: (options) => sandbox.stop({ ...options, graceMs: 0 }) }),
  }),
  sandboxMutant({
    name: "removes files on stop",
    fails: ["lifecycle:stop:files-stay"],
    change: (sandbox) => ({
      stop: async (options) => {
        await sandbox.stop(options);
        await rm(join(sandbox.workspacePath, "kept"), { recursive: true, force: true });
      },
    }),
  }),
  sandboxMutant({
    name: "removes the workspace on destroy",
    fails: ["lifecycle:destroy:workspace-stays"],
    change: (sandbox) => ({
      destroy: async (options) => {
        await sandbox.destroy(options);
        await rm(join(sandbox.workspacePath, "written"), { recursive: true, force: true });
      },
    }),
  }),
  sandboxMutant({
    name: "starts a stopped sandbox to execute in it",
    fails: ["lifecycle:stop:exec-refused"],
    change: (sandbox) => ({
      exec: async (argv, options) => {
        try {
          return await sandbox.exec(argv, options);
        } catch (error) {
          if (!ClauderonError.isInstance(error, "sandbox.not-running")) throw error;
          await sandbox.start();
          return sandbox.exec(argv, options);
        }
      },
    }),
  }),
  sandboxMutant({
    name: "ignores the environment of start",
    fails: ["lifecycle:start:environment"],
    change: (sandbox) => ({ start: () => sandbox.start() }),
  }),
  sandboxMutant({
    name: "starts by stopping first",
    fails: ["lifecycle:start:keeps-running"],
    change: (sandbox) => ({
      start: async (options) => {
        if ((await sandbox.inspect()).state === "running") await sandbox.stop({ graceMs: 0 });
        await sandbox.start(options);
      },
    }),
  }),
  sandboxMutant({
    name: "destroys the sandbox with its handle",
    fails: ["lifecycle:dispose"],
    change: (sandbox) => ({ [Symbol.asyncDispose]: () => sandbox.destroy({ graceMs: 0 }) }),
  }),
  {
    name: "stops its sandboxes when it is closed",
    fails: ["lifecycle:close", "terminal:backend:new-object"],
    breaks: () => (good) => {
      const made = new Set<string>();
      return overlay(good, {
        create: async (spec, options) => {
          made.add(spec.sandboxId);
          return good.create(spec, options);
        },
        close: async () => {
          for (const sandboxId of made) await (await good.open(sandboxId))?.stop({ graceMs: 0 });
          await good.close();
        },
      });
    },
  },
  sandboxMutant({
    name: "says that a stopped sandbox runs",
    fails: ["lifecycle:stop:twice", "lifecycle:stop:concurrent", "open:stopped", "abort:stop"],
    change: (sandbox) => ({
      inspect: async (options) => {
        const status = await sandbox.inspect(options);
        return status.state === "stopped" ? { ...status, state: "running" } : status;
      },
    }),
  }),
  {
    name: "lists what runs alone",
    fails: ["list:stopped"],
    breaks: () => (good) =>
      overlay(good, {
        list: async function* running(options): AsyncGenerator<SandboxSummary> {
          for await (const summary of good.list(options)) if (summary.state === "running") yield summary;
        },
      }),
  },
];
