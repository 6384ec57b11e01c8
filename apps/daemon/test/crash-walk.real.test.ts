import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import path from "node:path";

import { afterAll } from "vitest";

import { describeCrashWalk } from "./crash-walk.suite.ts";
import { endSessionHost } from "./end-session-host.ts";

const program = process.env["CLAUDERON_TEST_ZELLIJ"] ?? "";
const unavailable = existsSync(program) ? undefined : "CLAUDERON_TEST_ZELLIJ names no zellij program";
if (unavailable !== undefined) {
  process.stderr.write(`the crash walk on zellij did not run: ${unavailable}\n`);
  if ((process.env["CLAUDERON_REQUIRE"] ?? "").split(/[\s,]+/u).includes("zellij")) {
    throw new Error(`${unavailable}, but CLAUDERON_REQUIRE contains zellij`);
  }
}

// Short: a socket's path has at most 107 bytes.
const directory = mkdtempSync("/tmp/zw-");
const environment = {
  HOME: path.join(directory, "u"),
  ZELLIJ_SOCKET_DIR: path.join(directory, "s"),
  PATH: `${path.dirname(program)}:${process.env["PATH"] ?? ""}`,
};
mkdirSync(path.join(environment.HOME, ".config/zellij"), { recursive: true });
mkdirSync(environment.ZELLIJ_SOCKET_DIR, { mode: 0o700 });
// The caller of create has these variables too.
Object.assign(process.env, environment);
afterAll(() => rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));

describeCrashWalk({
  backend: "zellij",
  unavailable,
  environment,
  outside: sessions,
  endKeepers(home) {
    for (const name of sessions()) execFileSync(program, ["kill-session", name], { stdio: "ignore" });
    endSessionHost(home);
  },
});

function sessions(): readonly string[] {
  try {
    const text = execFileSync(program, ["list-sessions", "-n", "-s"], { encoding: "utf8", stdio: "pipe" });
    return text.split("\n").filter((line) => line.startsWith("clauderon-"));
  } catch {
    // Without any session the exit code is 1.
    return [];
  }
}
