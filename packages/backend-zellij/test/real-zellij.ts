import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, realpath, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

import type { BackendContext, SandboxSpec } from "@clauderon/core/contract";
import { createHostContext } from "@clauderon/core/host";

import { guardWorld } from "./guard-world.ts";

const run = promisify(execFile);
const program = process.env["CLAUDERON_TEST_ZELLIJ"] ?? "";
const LOOKS = 10;

/** Why the tests with the real zellij cannot run here; `undefined` when they can. */
export const zellijMissing: string | undefined = existsSync(program)
  ? undefined
  : "CLAUDERON_TEST_ZELLIJ does not name a zellij program";

/** Runs `zellij …` to its end, whatever the exit code; the text is that of both outputs. */
export type RunZellij = (...args: readonly string[]) => Promise<{ readonly exitCode: number; readonly text: string }>;

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
  readonly zellij: RunZellij;
  /** Somebody's session of that name, made by hand: it answers. */
  bringUp(sessionName: string): Promise<void>;
  /** The user ends that session. */
  end(sessionName: string): Promise<void>;
  /** Whether the user's own zellij lists the session, alive; asked again while it says no, for a moment. */
  lists(sessionName: string): Promise<boolean>;
  /** What the user writes into config.kdl. */
  configure(text: string): Promise<void>;
}

/** Short paths: a socket's path has at most 107 bytes. */
export async function createZellijWorld(): Promise<ZellijWorld> {
  const directory = await realpath(await mkdtemp("/tmp/cz-"));
  const guard = guardWorld(directory);
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
  const zellij = runZellij(environment);
  return {
    program,
    directory,
    home,
    environment,
    zellij,
    end: (sessionName) => endSession(zellij, join(directory, "s/contract_version_1", sessionName)),
    bringUp: (sessionName) => bringUpSession(zellij, sessionName),
    lists: async (sessionName) => {
      const isListed = async (): Promise<boolean> =>
        (await zellij("list-sessions", "-n", "-s")).text.split("\n").includes(sessionName);
      // It leaves out a living session when a client of that came just when another one left.
      for (let attempt = 0; attempt < LOOKS; attempt += 1) {
        if (await isListed()) return true;
        await delay(50);
      }
      return false;
    },
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
    [Symbol.asyncDispose]: () => guard[Symbol.asyncDispose](),
  };
}

/** zellij in that environment. */
export function runZellij(environment: NodeJS.ProcessEnv): RunZellij {
  return async (...args) => {
    try {
      const { stdout, stderr } = await run(program, [...args], { env: environment, timeout: 60_000 });
      return { exitCode: 0, text: stdout + stderr };
    } catch (error) {
      const { code, stdout = "", stderr = "" } = error as { code?: number; stdout?: string; stderr?: string };
      return { exitCode: code ?? 1, text: stdout + stderr };
    }
  };
}

/** Ends somebody's session. zellij may say that there is none while there is: asked until the socket is gone, which zellij removes for a dead one. */
export async function endSession(zellij: RunZellij, socket: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  let answer = "";
  while (existsSync(socket)) {
    if (performance.now() > deadline) throw new Error(`the session of ${socket} did not end: ${answer}`);
    ({ text: answer } = await zellij("kill-session", basename(socket)));
    await delay(100);
    await zellij("list-sessions", "-n", "-s");
  }
}

/** Made until it answers, for a minute: who knocks at a session while it is being born ends it, as other commands of zellij do. Making it is refused while it is there. */
export async function bringUpSession(zellij: RunZellij, sessionName: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  let answer = "";
  while (performance.now() < deadline) {
    await zellij("attach", "--create-background", sessionName);
    ({ text: answer } = await zellij("-s", sessionName, "action", "list-panes", "-a", "-j"));
    if (answer.trim().startsWith("[")) return;
    await delay(50);
  }
  throw new Error(`the session ${sessionName} did not come up: ${answer}`);
}
