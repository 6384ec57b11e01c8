import { Buffer } from "node:buffer";

import { AgentError } from "../../contract/errors/agent-error.ts";
import { errorFromJson } from "../../contract/errors/from-json.ts";
import type { ProcessExit } from "../../contract/process.ts";
import type { AgentTerminalOptions, TerminalChunk, TerminalStream } from "../../contract/terminal.ts";
import type { KeeperConnection } from "./keeper-client.ts";
import type { KeeperAnswer, KeeperEvent, KeeperRequest } from "./keeper-protocol.ts";

const QUEUED_BYTES = 1024 * 1024;

/** One connection for the output, one for what is sent: a viewer that does not read can still type. */
export async function openKeeperTerminal(
  open: () => Promise<KeeperConnection>,
  options: AgentTerminalOptions = {},
): Promise<TerminalStream> {
  const [events, control] = await Promise.all([open(), open()]);
  const close = async (): Promise<void> => {
    events.socket.destroy();
    control.socket.destroy();
  };
  try {
    const first = events.lines.next();
    events.socket.write(
      `${JSON.stringify({ do: "attach", since: options.since ?? 0, size: options.size } satisfies KeeperRequest)}\n`,
    );
    const { value } = await first;
    const attached = value as KeeperEvent | KeeperAnswer | undefined;
    if (attached === undefined || "error" in attached) {
      throw attached === undefined ? endedAgent() : errorFromJson(attached.error);
    }
    if (!("event" in attached) || attached.event !== "attached") throw endedAgent();
    return terminalStream({ events, control, viewerId: attached.viewerId, close });
  } catch (error) {
    await close();
    throw error;
  }
}

interface Connections {
  readonly events: KeeperConnection;
  readonly control: KeeperConnection;
  readonly viewerId: number;
  readonly close: () => Promise<void>;
}

function terminalStream(connections: Connections): TerminalStream {
  const { events, control, viewerId } = connections;
  const ended = Promise.withResolvers<ProcessExit | undefined>();
  const queue: TerminalChunk[] = [];
  let queuedBytes = 0;
  const asked = new Set<Promise<unknown>>();
  let isOver = false;
  let hasAgentEnded = false;
  let wake = Promise.withResolvers<void>();
  let drain = Promise.withResolvers<void>();

  const roomInQueue = async (): Promise<void> => {
    if (queuedBytes <= QUEUED_BYTES || isOver) return;
    drain = Promise.withResolvers();
    await drain.promise;
    await roomInQueue();
  };
  const receive = async (): Promise<void> => {
    try {
      for await (const line of events.lines) {
        // What close has thrown away must not be followed by more: that would be a gap.
        if (isOver) break;
        const event = line as KeeperEvent;
        if (event.event === "end") {
          hasAgentEnded = true;
          ended.resolve(event.exit);
          break;
        }
        if (event.event !== "output") continue;
        const { sequence, source, isReplay } = event;
        const bytes = new Uint8Array(Buffer.from(event.data, "base64"));
        queue.push({ sequence, source, isReplay, bytes });
        queuedBytes += bytes.byteLength;
        wake.resolve();
        await roomInQueue();
      }
    } catch {
      // The connection broke or was closed: the output ends here.
    }
    isOver = true;
    wake.resolve();
    ended.resolve(undefined);
    // The end may be told before the answer to the input that brought it.
    await Promise.allSettled(asked);
    control.socket.destroy();
  };
  void receive();

  async function* output(): AsyncGenerator<TerminalChunk, void, undefined> {
    for (;;) {
      const chunk = queue.shift();
      if (chunk !== undefined) {
        queuedBytes -= chunk.bytes.byteLength;
        drain.resolve();
        yield chunk;
        continue;
      }
      if (isOver) return;
      wake = Promise.withResolvers();
      await wake.promise;
    }
  }

  const send = async (request: KeeperRequest): Promise<void> => {
    if (isOver) throw endedAgent();
    const answer = control.ask(request);
    asked.add(answer);
    try {
      await answer;
    } catch (error) {
      throw isOver || hasAgentEnded ? endedAgent(error) : error;
    } finally {
      asked.delete(answer);
    }
  };
  /** Without effect once the agent has ended. */
  const tell = async (request: KeeperRequest): Promise<void> => {
    try {
      await send(request);
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
    }
  };
  const close = async (): Promise<void> => {
    if (isOver) return;
    isOver = true;
    queue.length = 0;
    wake.resolve();
    drain.resolve();
    ended.resolve(undefined);
    await connections.close();
  };
  return {
    output: output(),
    ended: ended.promise,
    input: (bytes) => send({ do: "input", data: Buffer.from(bytes).toString("base64") }),
    resize: (size) => tell({ do: "resize", size }),
    setPaused: (isPaused) => tell({ do: "pause", viewerId, isPaused }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function endedAgent(cause?: unknown): AgentError {
  return new AgentError({
    code: "agent.ended",
    message: "The agent has ended, or this connection to it was closed",
    fix: ["open the terminal again, or start the session"],
    cause,
  });
}
