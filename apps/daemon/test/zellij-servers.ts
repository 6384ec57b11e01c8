import { readdirSync, readFileSync } from "node:fs";

/** A server of zellij: one for each session. */
export interface ZellijServer {
  readonly pid: number;
  /** Named after its session. */
  readonly socket: string;
}

/** The zellij servers whose sockets are in that directory, from the process table. */
export function zellijServers(socketDirectory: string): readonly ZellijServer[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        const argv = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
        const socket = argv[argv.indexOf("--server") + 1] ?? "";
        return socket.startsWith(`${socketDirectory}/`) ? [{ pid: Number(entry), socket }] : [];
      } catch {
        // It ended between the two looks.
        return [];
      }
    });
}
