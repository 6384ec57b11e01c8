import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { EngineScenario, SeenRequest } from "./engine-scenario.ts";

export interface EngineEmulator extends AsyncDisposable {
  readonly socketPath: string;
  readonly directory: string;
  /** Is another engine from here on. */
  become(scenario: EngineScenario): Promise<void>;
  /** What it was asked since then, in order. */
  seen(): Promise<readonly SeenRequest[]>;
}

/** Starts an emulated engine in a process of its own. */
export async function startEngineEmulator(): Promise<EngineEmulator> {
  const directory = await mkdtemp(join(tmpdir(), "clauderon-engine-"));
  const socketPath = join(directory, "engine.sock");
  const program = fileURLToPath(new URL("engine-emulator.fixture.ts", import.meta.url));
  const child = spawn(process.execPath, [program, socketPath], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  await Promise.race([once(child.stdout, "data"), ended.then(() => Promise.reject(new Error("the emulator ended")))]);
  const ask = async (what: string, body = ""): Promise<string> => {
    const asked = request({ socketPath, method: "POST", path: `/_emulator/${what}`, agent: false }).end(body);
    const [answer] = (await once(asked, "response")) as [AsyncIterable<Uint8Array>];
    const chunks: Uint8Array[] = [];
    for await (const chunk of answer) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
  return {
    socketPath,
    directory,
    async become(scenario) {
      await ask("become", JSON.stringify(scenario));
    },
    async seen() {
      return JSON.parse(await ask("seen")) as readonly SeenRequest[];
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
