import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { AgentLaunch, TerminalSize } from "@clauderon/core/contract";

import { agentProgram, wrapperProgram } from "./agent-wrapper.ts";
import type { KnownLaunch } from "./launches.ts";
import { type SandboxRecord, unlessMissing } from "./sandbox-records.ts";
import { userConfiguration } from "./zellij-environment.ts";
import { zellijLayout } from "./zellij-layout.ts";

/** Not empty, because an empty configuration opens zellij's set-up wizard over the agent. */
const header = "show_startup_tips false\n";

/** Settings of the session; they win over the user's. */
const sessionOptions: readonly string[] = [
  ["--pane-frames", "false"],
  ["--session-serialization", "false"],
  ["--disable-session-metadata", "true"],
  ["--show-startup-tips", "false"],
  ["--show-release-notes", "false"],
  ["--on-force-close", "detach"],
].flat();

/** The user's configuration as it is now, copied: zellij reads a configuration again when it changes, and would forget the session's key bindings. */
export async function writeSessionFiles(record: SandboxRecord, known: KnownLaunch, launch: AgentLaunch): Promise<void> {
  const users = (await unlessMissing(readFile(userConfiguration(record.places).file, "utf8"))) ?? "";
  const rest = [known.directory, record.workspacePath, agentProgram, ...launch.argv];
  const layout = zellijLayout({ program: "/bin/sh", args: ["-c", wrapperProgram, "clauderon-agent", ...rest] });
  await writeFile(configurationFile(known), users.trim() === "" ? header : users, { mode: 0o600 });
  await writeFile(layoutFile(known), layout, { mode: 0o600 });
}

/** The size of the agent's terminal until somebody views it. */
export function launchSize(launch: AgentLaunch): TerminalSize {
  return launch.size ?? { columns: 80, rows: 24 };
}

/** Makes the session by attaching its first client: the pane has that client's size from its birth, where one made in the background has 50 by 50. */
export function createArguments(record: SandboxRecord, known: KnownLaunch, sessionName: string): readonly string[] {
  const places = ["--default-layout", layoutFile(known), "--default-cwd", record.workspacePath];
  return [...attachArguments(record, known), "--create", sessionName, "options", ...places, ...sessionOptions];
}

/** Attaches one more client. */
export function viewArguments(record: SandboxRecord, known: KnownLaunch, sessionName: string): readonly string[] {
  return [...attachArguments(record, known), sessionName, "options", ...sessionOptions];
}

/** Without a configuration directory on the command line zellij ignores the layout where the user has none. */
function attachArguments(record: SandboxRecord, known: KnownLaunch): readonly string[] {
  const { directory } = userConfiguration(record.places);
  return ["--config-dir", directory, "--config", configurationFile(known), "attach"];
}

function configurationFile(known: KnownLaunch): string {
  return join(known.directory, "config.kdl");
}

function layoutFile(known: KnownLaunch): string {
  return join(known.directory, "layout.kdl");
}
