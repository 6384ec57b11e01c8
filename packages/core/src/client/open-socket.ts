import { DaemonError } from "../contract/errors/daemon-error.ts";
import { abortable } from "../support/abortable.ts";
import type { Connector } from "./connection.ts";

export interface SocketOptions {
  readonly path: string;
  readonly protocol: string;
  readonly signal?: AbortSignal | undefined;
  onMessage(bytes: Uint8Array): void;
  /** Once, also after a failed attempt that was reported by the rejection. */
  onClose(code: number, reason: string): void;
}

/** An open WebSocket to the daemon; binary messages only. Rejects with `daemon.unreachable` when the upgrade is refused or nobody answers. */
export async function openSocket(connector: Connector, options: SocketOptions): Promise<WebSocket> {
  for (let attempt = 1; ; attempt += 1) {
    const { url, token } = await abortable(connector.connect(options.signal), options.signal);
    const target = new URL(options.path, url.replace(/^http/, "ws"));
    const socket = new WebSocket(target, {
      protocols: [options.protocol],
      headers: { authorization: `Bearer ${token}` },
    });
    socket.binaryType = "arraybuffer";
    const opened = Promise.withResolvers<boolean>();
    let isOpen = false;
    socket.addEventListener("open", () => {
      isOpen = true;
      opened.resolve(true);
    });
    // What went wrong is not told; `close` follows.
    socket.addEventListener("error", () => undefined);
    socket.addEventListener("message", ({ data }) => {
      if (data instanceof ArrayBuffer) options.onMessage(new Uint8Array(data));
    });
    socket.addEventListener("close", ({ code, reason }) => {
      opened.resolve(false);
      if (isOpen) options.onClose(code, reason);
    });
    try {
      if (await abortable(opened.promise, options.signal)) return socket;
    } catch (error) {
      socket.close();
      throw error;
    }
    connector.forget();
    if (attempt === 2) {
      throw new DaemonError({
        message: "The daemon did not take the connection",
        why: `${target.href} was refused or closed`,
        fix: ["try again", "see its log: clauderon daemon logs"],
      });
    }
  }
}
