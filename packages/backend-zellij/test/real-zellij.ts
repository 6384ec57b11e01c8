import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import type { BackendContext, SandboxSpec } from "@clauderon/core/contract";
import { createHostContext } from "@clauderon/core/host";

const run = promisify(execFile);
const program = process.env["CLAUDERON_TEST_ZELLIJ"] ?? "";

/** Why the tests with the real zellij cannot run here; `undefined` when they can. */
export const zellijMissing: string | undefined = existsSync(program)
  ? undefined
  : "CLAUDERON_TEST_ZELLIJ does not name a zellij program";

/** A user with a home and a zellij of their own. */
export interface ZellijWorld extends AsyncDisposable {
  readonly program: string;
  readonly directory: string;
  readonly home: string;
  /** What the user's shell has. */
  readonly environment: Readonly<Record<string, string>>;
  newContext(): Promise<BackendContext>;
  newSpec(name?: string): Promise<SandboxSpec>;
  /** The user's own `zellij …`. */
  zellij(...args: readonly string[]): Promise<{ readonly exitCode: number; readonly text: string }>;
  /** What the user writes into config.kdl. */
  configure(text: string): Promise<void>;
}

/** Short paths: a socket's path has at most 107 bytes. */
export async function createZellijWorld(): Promise<ZellijWorld> {
  const directory = await realpath(await mkdtemp("/tmp/cz-"));
  const home = join(directory, "u");
  await mkdir(join(directory, "s"), { mode: 0o700 });
  await mkdir(join(home, ".config/zellij"), { recursive: true });
  await writeFile(
    join(home, ".config/zellij/config.kdl"),
    'show_release_notes false\nshow_startup_tips false\ntheme "nord"\n',
  );
  // A user who has met this version before: zellij greets the first attach with its release notes.
  await mkdir(join(home, ".cache/zellij/0.44.3"), { recursive: true });
  await writeFile(join(home, ".cache/zellij/0.44.3/seen_release_notes"), "");
  const environment = {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    HOME: home,
    LANG: "C.UTF-8",
    TERM: "xterm-256color",
    ZELLIJ_SOCKET_DIR: join(directory, "s"),
  };
  const zellij: ZellijWorld["zellij"] = async (...args) => {
    try {
      const { stdout, stderr } = await run(program, [...args], { env: environment, timeout: 15_000 });
      return { exitCode: 0, text: stdout + stderr };
    } catch (error) {
      const { code, stdout = "", stderr = "" } = error as { code?: number; stdout?: string; stderr?: string };
      return { exitCode: code ?? 1, text: stdout + stderr };
    }
  };
  return {
    program,
    directory,
    home,
    environment,
    zellij,
    newContext: async () => {
      const homeDirectory = await mkdtemp(join(directory, "h-"));
      return createHostContext({ homeDirectory, instanceId: randomUUID() });
    },
    newSpec: async (name = `t-${randomUUID().slice(0, 8)}`) => {
      const hostPath = await mkdtemp(join(directory, "w-"));
      return { sandboxId: randomUUID(), name, workspace: { hostPath }, environment };
    },
    configure: (text) =>
      writeFile(
        join(home, ".config/zellij/config.kdl"),
        text === "" ? "" : `show_release_notes false\nshow_startup_tips false\n${text}`,
      ),
    async [Symbol.asyncDispose]() {
      const { text } = await zellij("list-sessions", "-n", "-s");
      for (const name of text.split("\n").filter((line) => line.startsWith("clauderon-")))
        await zellij("kill-session", name);
      await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    },
  };
}
