import { chmod, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";

import { ClauderonError, InternalError, RequestError, silentLogger, type Logger } from "@clauderon/core/contract";
import { parseJson } from "@clauderon/core/host";
import { z } from "zod";

import type { CarrierHub } from "../carrier/create-carrier-hub.ts";
import { readLine } from "./socket-line.ts";

export interface CarrierServerOptions {
  readonly hub: Pick<CarrierHub, "acceptCarrier">;
  /** Rejects for a session that there is not. */
  readonly check: (sessionId: string) => void;
  readonly logger?: Logger | undefined;
}

const firstLineMs = 10_000;
const privateMode = 0o600;
const request = z.object({ sessionId: z.string() });

/**
 * Takes carriers from whoever made them: a line `{"sessionId":"…"}`, answered by the line `{"result":null}` or `{"error":…}`, then the channel protocol. The socket is
 * the user's alone, which is the right to name a session.
 */
export async function listenForCarriers(path: string, options: CarrierServerOptions): Promise<Server> {
  const server = createServer({ noDelay: true }, (socket) => void serve(socket, options));
  await rm(path, { force: true });
  await new Promise<void>((fulfil, fail) => {
    server.once("error", fail);
    server.listen(path, fulfil);
  });
  await chmod(path, privateMode);
  return server;
}

async function serve(socket: Socket, { hub, check, logger = silentLogger }: CarrierServerOptions): Promise<void> {
  socket.on("error", () => socket.destroy());
  const line = await readLine(socket, firstLineMs);
  try {
    const { sessionId } = read(line);
    check(sessionId);
    socket.write(`${JSON.stringify({ result: null })}\n`);
    const { channel, isResumed } = await hub.acceptCarrier(socket, sessionId);
    logger.debug({ sessionId, channel, isResumed }, "a carrier was accepted");
  } catch (error) {
    // One whose handshake failed is told by the protocol and is closed already.
    if (socket.destroyed || socket.writableEnded) return;
    const told = ClauderonError.isInstance(error) ? error : new InternalError(error);
    socket.end(`${JSON.stringify({ error: told.toJSON() })}\n`, () => socket.destroy());
  }
}

function read(line: string | undefined): z.infer<typeof request> {
  try {
    return request.parse(parseJson(line ?? "", "the carriers' socket"));
  } catch (cause) {
    throw new RequestError({
      message: "A carrier begins with one line of JSON that names its session",
      fix: ['write {"sessionId":"…"} and a newline first'],
      cause,
    });
  }
}
