import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import path from "node:path";

import { crashPointNames } from "@clauderon/core";

import type { CrashWorld } from "./crash-home.ts";
import { describeCrashWalk } from "./crash-walk.suite.ts";
import { endSessionHost } from "./end-session-host.ts";
import { killProcess } from "./kill-process.ts";
import { until } from "./until.ts";
import { type ZellijServer, zellijServers } from "./zellij-servers.ts";

const program = process.env["CLAUDERON_TEST_ZELLIJ"] ?? "";
const unavailable = existsSync(program) ? undefined : "CLAUDERON_TEST_ZELLIJ names no zellij program";
if (unavailable !== undefined) {
  process.stderr.write(`the crash walk on zellij did not run: ${unavailable}\n`);
  if ((process.env["CLAUDERON_REQUIRE"] ?? "").split(/[\s,]+/u).includes("zellij")) {
    throw new Error(`${unavailable}, but CLAUDERON_REQUIRE contains zellij`);
  }
}

/** A session's results never meet its backend: they are walked on the built-in one. */
const points = crashPointNames.filter((point) => !/^(?:merge|apply)\./u.test(point));

describeCrashWalk({ backend: "zellij", unavailable, points, openWorld });

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
  // Not asked of zellij: its commands end a session that is just being born, and miss a living one now and then.
  const servers = (): readonly ZellijServer[] => zellijServers(environment.ZELLIJ_SOCKET_DIR);
  return {
    environment,
    sessions: () =>
      servers()
        .filter(({ socket }) => existsSync(socket))
        .map(({ socket }) => path.basename(socket)),
    async endKeepers() {
      await until(() => {
        for (const { pid } of servers()) killProcess(pid);
        return servers().length === 0;
      }, "the zellij sessions did not end");
      await endSessionHost(home);
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }),
  };
}
