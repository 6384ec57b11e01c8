import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { SandboxError } from "../../contract/errors/sandbox-error.ts";
import type { KeeperAddress, KeeperConfiguration } from "./keeper-protocol.ts";

export const KEPT_OUTPUT_BYTES: number = 4 * 1024 * 1024;

/** A keeper that listens but ends with this process until it is released. */
export interface StartedKeeper extends Disposable {
  readonly address: KeeperAddress;
  /** From here on it lives by itself. */
  release(): void;
}

export type StartKeeperOptions = Omit<KeeperConfiguration, "token" | "keptOutputBytes"> & {
  /** How much of the agent's output can be replayed; default 4 MiB. */
  readonly keptOutputBytes?: number | undefined;
};

/**
 * Starts the process that owns a sandbox's environment and its agent. Disposing before `release` ends it. It carries neither the sandbox's
 * environment nor its marker itself.
 */
export async function startKeeper(options: StartKeeperOptions): Promise<StartedKeeper> {
  const token = randomUUID();
  const child = spawn(process.execPath, keeperArguments(), {
    detached: true,
    cwd: "/",
    env: ownEnvironment(),
    stdio: ["pipe", "pipe", "ignore"],
  });
  child.stdin.on("error", () => {
    // It ended early: reading the port tells.
  });
  child.on("error", () => {
    // Likewise.
  });
  const keptOutputBytes = options.keptOutputBytes ?? KEPT_OUTPUT_BYTES;
  const configuration: KeeperConfiguration = { ...options, keptOutputBytes, token };
  child.stdin.write(`${JSON.stringify(configuration)}\n`);
  const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  if (typeof value !== "string" || child.pid === undefined) {
    child.kill("SIGKILL");
    throw new SandboxError({ message: "The sandbox's keeper did not start", fix: ["try again; see the log"] });
  }
  const { port } = JSON.parse(value) as { readonly port: number };
  let isReleased = false;
  return {
    address: { processId: child.pid, port, token },
    release() {
      isReleased = true;
      child.stdin.end("go\n");
      child.stdout.destroy();
      child.unref();
    },
    [Symbol.dispose]() {
      if (isReleased) return;
      child.stdin.destroy();
      child.kill("SIGKILL");
    },
  };
}

function keeperArguments(): readonly string[] {
  const isSource = import.meta.url.endsWith(".ts");
  const url = new URL(isSource ? "./keeper-main.ts" : "./keeper-main.js", import.meta.url);
  return [...(isSource ? ["--conditions", "@clauderon/source"] : []), fileURLToPath(url)];
}

function ownEnvironment(): NodeJS.ProcessEnv {
  const names = ["PATH", "HOME", "LANG", "TMPDIR", "NODE_COMPILE_CACHE"];
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}
