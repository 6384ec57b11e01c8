import { mkdir, realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

import type * as clientModule from "@clauderon/core/client";

import type { Access } from "./command/access.ts";

type Core = typeof clientModule;

/** The real access: `@clauderon/core`, `@clauderon/agents`, `@clauderon/proxy` and `@clauderon/daemon`, each loaded when it is first needed. */
export function createCoreAccess(
  environment: Readonly<Record<string, string>>,
  /** What starts the daemon. */
  program: readonly [string, ...string[]] = thisProgram(),
): Access {
  const core = (): Promise<Core> => import("@clauderon/core/client");
  const home = async (): Promise<string> => (await core()).homeDirectory(environment);
  /** The daemon's errors come as JSON, which the one who waits for it reads. */
  const daemonProgram: readonly [string, ...string[]] = [...program, "--json"];
  const settings = async (): ReturnType<Access["settings"]> => {
    const { loadSettings } = await core();
    return loadSettings({ homeDirectory: await home(), environment });
  };

  return {
    homeDirectory: home,
    async settingsPath() {
      const { settingsPath } = await core();
      return settingsPath(await home());
    },
    async connect({ signal, onStart }) {
      const { createClient } = await core();
      const { daemon } = await settings();
      const client = createClient({
        homeDirectory: await home(),
        environment,
        program: daemonProgram,
        startDaemon: daemon.isAutostart,
        onStart,
      });
      await client.connect({ signal });
      return client;
    },
    async connectRunning(signal) {
      const { createClient, findRunningDaemon } = await core();
      if ((await findRunningDaemon(await home(), signal)) === undefined) return undefined;
      return createClient({ homeDirectory: await home(), environment, startDaemon: false });
    },
    async checkCreateRequest(request) {
      const { checkCreateRequest } = await core();
      checkCreateRequest(request);
      const { allow, deny, budget } = request;
      if (allow === undefined && deny === undefined && budget === undefined) return;
      const { checkSessionAccess } = await import("@clauderon/proxy/client");
      checkSessionAccess({ allow, deny, budget });
    },
    async checkUpload(name, sizeBytes) {
      const { checkUpload } = await core();
      checkUpload(name, sizeBytes);
    },
    async checkBudget(budget) {
      const { checkSessionAccess } = await import("@clauderon/proxy/client");
      checkSessionAccess({ budget });
    },
    settings,
    async setting(key) {
      const { getSetting } = await core();
      return getSetting(await settings(), key);
    },
    async setSetting(key, value) {
      const { setSetting, settingsPath } = await core();
      await setSetting(settingsPath(await home()), key, value);
    },
    async agents() {
      const [{ createAgents }, { createCommandRunner }, { agents }] = await Promise.all([
        import("@clauderon/agents"),
        import("./session/command-runner.ts"),
        settings(),
      ]);
      return createAgents({ runner: createCommandRunner(), settings: agents });
    },
    async trustClaudeWorktrees() {
      const { trustClaudeWorktrees } = await import("@clauderon/agents");
      // Claude Code goes by real paths.
      const worktrees = join(await home(), "worktrees");
      await mkdir(worktrees, { recursive: true, mode: 0o700 });
      const configured = environment["CLAUDE_CONFIG_DIR"] ?? "";
      const place = configured === "" ? (environment["HOME"] ?? homedir()) : configured;
      return trustClaudeWorktrees(place, await realpath(worktrees));
    },
    async setupScript(path) {
      const { findSetupScript } = await import("@clauderon/core/host");
      return findSetupScript(path);
    },
    async setupTrust() {
      const { createSetupTrust } = await import("@clauderon/core/host");
      return createSetupTrust(await home());
    },
    async proxyHome() {
      const { openProxyHome } = await import("@clauderon/proxy");
      return openProxyHome({ home: await home(), userHome: environment["HOME"] || homedir(), environment });
    },
    async runningProxy() {
      const { connectProxyProcess } = await import("@clauderon/proxy/client");
      return connectProxyProcess(await home());
    },
    async failedProxy() {
      const { failedStart } = await import("@clauderon/proxy/client");
      return failedStart(await home());
    },
    async daemonRecord(signal) {
      const { findRunningDaemon } = await core();
      return findRunningDaemon(await home(), signal);
    },
    async startDaemon(signal) {
      const { ensureDaemon } = await core();
      const { file, isNew } = await ensureDaemon({
        homeDirectory: await home(),
        environment,
        program: daemonProgram,
        signal,
      });
      return { record: file, isNew };
    },
    async stopDaemon(signal) {
      const { stopDaemon } = await core();
      return stopDaemon(await home(), { signal });
    },
    async runDaemon(options) {
      const { runDaemon } = await import("@clauderon/daemon");
      await runDaemon({ environment: process.env, ...options });
    },
    async token() {
      const { readToken } = await core();
      return readToken(await home());
    },
  };
}

function thisProgram(): readonly [string, ...string[]] {
  return [process.execPath, ...process.execArgv, process.argv[1] ?? "clauderon"];
}
