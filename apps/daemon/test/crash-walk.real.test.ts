import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import path from "node:path";

import type { CrashWorld } from "./crash-home.ts";
import { describeCrashWalk } from "./crash-walk.suite.ts";
import { endSessionHost } from "./end-session-host.ts";
import { until } from "./until.ts";

const program = process.env["CLAUDERON_TEST_ZELLIJ"] ?? "";
const unavailable = existsSync(program) ? undefined : "CLAUDERON_TEST_ZELLIJ names no zellij program";
if (unavailable !== undefined) {
  process.stderr.write(`the crash walk on zellij did not run: ${unavailable}\n`);
  if ((process.env["CLAUDERON_REQUIRE"] ?? "").split(/[\s,]+/u).includes("zellij")) {
    throw new Error(`${unavailable}, but CLAUDERON_REQUIRE contains zellij`);
  }
}

describeCrashWalk({ backend: "zellij", unavailable, openWorld });

/** A zellij of its own for each home: their sessions have the same name. */
function openWorld(home: string): CrashWorld {
  // Short: a socket's path has at most 107 bytes.
  const directory = mkdtempSync("/tmp/zw-");
  const environment = {
    HOME: path.join(directory, "u"),
    ZELLIJ_SOCKET_DIR: path.join(directory, "s"),
    PATH: `${path.dirname(program)}:${process.env["PATH"] ?? ""}`,
  };
  mkdirSync(path.join(environment.HOME, ".config/zellij"), { recursive: true });
  mkdirSync(environment.ZELLIJ_SOCKET_DIR, { mode: 0o700 });
  const options = { encoding: "utf8", env: { ...process.env, ...environment } } as const;

  const sessions = (): readonly string[] => {
    const { status, stdout, stderr } = spawnSync(program, ["list-sessions", "-n", "-s"], options);
    // Without any session the exit code is 1.
    if (status === 0) return stdout.split("\n").filter((line) => line.startsWith("clauderon-"));
    if (stderr.includes("No active zellij sessions")) return [];
    throw new Error(`zellij list-sessions ended with ${status}: ${stderr}`);
  };
  return {
    environment,
    sessions,
    async endKeepers() {
      // One that ends by itself meanwhile is no failure: what counts is that none is left.
      for (const name of sessions()) spawnSync(program, ["kill-session", name], options);
      await until(() => sessions().length === 0, "the zellij sessions did not end");
      await endSessionHost(home);
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }),
  };
}
