import { once } from "node:events";
import { connect, type Socket } from "node:net";

import { DaemonError, errorFromJson, type ClauderonErrorJson } from "@clauderon/core/contract";
import { parseJson } from "@clauderon/core/host";

import { proxyProcessPaths } from "./proxy-process-paths.ts";
import { readLine } from "./socket-line.ts";

const answerMs = 10_000;

/**
 * A byte stream to the proxy of a home that speaks for a session: whoever carries it to the sandbox vouches for the name. What comes and goes on it is the channel
 * protocol; when it is lost, another one is opened within 60 s. Rejects with `session.not-found`, `daemon.unreachable`.
 */
export async function openCarrier(home: string, sessionId: string): Promise<Socket> {
  const socket = connect(proxyProcessPaths(home).carrierSocket);
  try {
    await once(socket, "connect");
  } catch (cause) {
    throw noProxy(cause);
  }
  socket.on("error", () => socket.destroy());
  socket.write(`${JSON.stringify({ sessionId })}\n`);
  const line = await readLine(socket, answerMs);
  if (line === undefined) {
    socket.destroy();
    throw noProxy();
  }
  const answer = parseJson(line, "the proxy's carrier socket") as { readonly error?: ClauderonErrorJson };
  if (answer.error === undefined) return socket;
  socket.destroy();
  throw errorFromJson(answer.error);
}

function noProxy(cause?: unknown): DaemonError {
  return new DaemonError({
    message: "The proxy takes no carriers",
    fix: ["try again: the daemon starts it anew"],
    cause,
  });
}
