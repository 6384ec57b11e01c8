import { chmodSync, rmSync } from "node:fs";

import { sandboxCgroupParent } from "./host-cgroup.ts";
import { ensureHostKey } from "./host-key.ts";
import { takeHostLock } from "./host-lock.ts";
import { ensurePrivateDirectory, hostPaths } from "./host-paths.ts";
import { spawnPipes } from "./host-pipes.ts";
import { spawnPty } from "./host-pty.ts";
import { SessionHost } from "./session-host.ts";
import { whenDirectoryIsGone } from "./when-directory-is-gone.ts";

const defaultIdleMs = 30_000;
/** What runs in a home that was deleted has so long to end. */
const graceWithoutHomeMs = 1000;

/** Runs one process of each kind, so that whatever loads on first use is loaded before the files may go. */
async function loadEverything(): Promise<void> {
  const options = { argv: ["/bin/sh", "-c", ":"] as const, cwd: "/", environment: { PATH: "/usr/bin:/bin" } };
  await new Promise<void>((end) => {
    spawnPty({ ...options, size: { columns: 80, rows: 24 } }, { output: () => undefined, end: () => end() });
  });
  await new Promise<void>((end, fail) => {
    spawnPipes({ ...options, hasInput: true }, { output: () => undefined, end: () => end() }).catch(fail);
  });
}

function log(message: string): void {
  process.stderr.write(`${new Date().toISOString()} ${process.pid} ${message}\n`);
}

async function main(): Promise<void> {
  const [homeDirectory, idleMs = String(defaultIdleMs)] = process.argv.slice(2);
  if (homeDirectory === undefined) throw new Error("usage: session-host HOME [IDLE-MS]");
  process.title = "clauderon-host";
  // The terminal or session of whoever started this is not ours.
  process.on("SIGHUP", () => undefined);
  const paths = hostPaths(homeDirectory);
  ensurePrivateDirectory(paths.runDirectory);
  ensurePrivateDirectory(paths.socketDirectory);
  if (!takeHostLock(paths.lock)) {
    log("another session host serves this home");
    return;
  }
  const leave = (): void => {
    rmSync(paths.socket, { force: true });
    rmSync(paths.lock, { force: true });
    log("ended");
    // Output that nobody reads any more must not keep it.
    process.exit(0);
  };
  await loadEverything();
  const cgroupParent = sandboxCgroupParent();
  const host = new SessionHost({
    key: ensureHostKey(paths.key),
    cgroupParent,
    idleMs: Number(idleMs),
    idle: leave,
    log,
  });
  process.on("uncaughtException", (error) => log(`internal: ${error.stack ?? error.message}`));
  rmSync(paths.socket, { force: true });
  host.server.listen(paths.socket, () => {
    chmodSync(paths.socket, 0o600);
    log(`listens on ${paths.socket}, cgroups ${cgroupParent ?? "none"}`);
  });
  whenDirectoryIsGone(paths.runDirectory, () => {
    // Nobody can find this host any more; the paths may be another's by now.
    void host.stopAll(graceWithoutHomeMs).then(() => {
      log("ended: its home is gone");
      process.exit(0);
    });
  });
  host.server.on("error", (error) => {
    log(`cannot listen: ${error.message}`);
    rmSync(paths.lock, { force: true });
    process.exit(1);
  });
}

await main();
