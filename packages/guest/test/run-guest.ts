import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface RunningGuest extends AsyncDisposable {
  readonly key: Buffer;
  readonly child: ChildProcess;
  readonly processId: number;
  readonly directory: string;
  readonly socket: string;
  readonly hookSocket: string;
  /** What it wrote to its log. */
  readonly log: () => string;
  connect(): Promise<Socket>;
  memoryBytes(): number;
  stop(): Promise<void>;
}

/** Starts a guest as a plain process of this machine; its directory is made unless one is given. */
export async function runGuest(
  program: string,
  args: readonly string[] = [],
  directory: string = mkdtempSync(join(tmpdir(), "clauderon-guest-")),
): Promise<RunningGuest> {
  const key = randomBytes(32);
  const keyFile = join(directory, "key");
  writeFileSync(keyFile, key.toString("hex"), { mode: 0o600 });
  const socket = join(directory, "guest.sock");
  const hookSocket = `@clauderon-hook-${randomUUID()}`;
  const child = spawn(
    program,
    ["run", "--socket", socket, "--hook-socket", hookSocket, "--key-file", keyFile, ...args],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const ended = once(child, "exit");
  let log = "";
  const ready = new Promise<void>((resolve, reject) => {
    child.stderr?.on("data", (bytes: Buffer) => {
      log += bytes.toString();
      if (log.includes("runs as process")) resolve();
    });
    child.once("exit", () => reject(new Error(`the guest ended: ${log}`)));
  });
  await ready;
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await ended;
    rmSync(directory, { recursive: true, force: true, maxRetries: 10 });
  };
  return {
    key,
    child,
    processId: child.pid ?? 0,
    directory,
    socket,
    hookSocket,
    log: () => log,
    async connect() {
      const opened = connect(socket);
      await once(opened, "connect");
      return opened;
    },
    memoryBytes: () => Number(/VmRSS:\s+(\d+)/u.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) * 1024,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
