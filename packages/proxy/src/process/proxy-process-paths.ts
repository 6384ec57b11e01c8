import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Longest path that every system takes for a Unix socket (macOS: 104 with its end mark). */
const socketPathBytes = 100;

export interface ProxyProcessPaths {
  /** 0700. */
  readonly socketDirectory: string;
  readonly controlSocket: string;
  readonly daemonSocket: string;
  readonly carrierSocket: string;
  readonly state: string;
  readonly log: string;
}

/** Where the proxy's process of a home is found. */
export function proxyProcessPaths(home: string): ProxyProcessPaths {
  const direct = join(home, "run");
  const hash = createHash("sha256").update(home).digest("hex").slice(0, 12);
  const fallback = join(
    process.env["XDG_RUNTIME_DIR"] || tmpdir(),
    `clauderon-proxy-${process.getuid?.() ?? 0}-${hash}`,
  );
  const isShort = Buffer.byteLength(join(direct, "proxy-carrier.sock")) <= socketPathBytes;
  const socketDirectory = isShort ? direct : fallback;
  return {
    socketDirectory,
    controlSocket: join(socketDirectory, "proxy.sock"),
    daemonSocket: join(socketDirectory, "proxy-daemon.sock"),
    carrierSocket: join(socketDirectory, "proxy-carrier.sock"),
    state: join(home, "proxy", "state.json"),
    log: join(home, "logs", "proxy.log"),
  };
}
