import { fileURLToPath } from "node:url";

/**
 * A deterministic stand-in for an agent, to be run with Node: `[process.execPath, fakeAgentPath(), …]`. It takes `--session-id ID`, `--resume ID`,
 * `--model`, `--permission-mode`, `--print` and a prompt as the last argument, prints what it was given and `ready`, and follows one directive a
 * line from the prompt and its input: `write PATH TEXT`, `say TEXT`, `exit N`, `ignore-sigterm`, `flood BYTES`, `environment NAME`,
 * `run PROGRAM ARGUMENT…`; other lines are answered with `heard: …`. Each start and each prompt is appended as a JSON line to the file that
 * `FAKE_AGENT_LOG` names.
 */
export function fakeAgentPath(): string {
  const name = import.meta.url.endsWith(".ts") ? "./fake-agent-main.ts" : "./fake-agent-main.js";
  return fileURLToPath(new URL(name, import.meta.url));
}
