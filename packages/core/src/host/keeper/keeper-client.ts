import { connect, type Socket } from "node:net";

import type { CallOptions } from "../../contract/call-options.ts";
import { errorFromJson } from "../../contract/errors/from-json.ts";
import type { AgentLaunch, AgentProcessStatus } from "../../contract/sandbox.ts";
import type { AgentTerminalOptions, TerminalStream } from "../../contract/terminal.ts";
import { abortable } from "../../support/abortable.ts";
import {
  type KeeperAddress,
  type KeeperAnswer,
  type KeeperRequest,
  type KeeperStatus,
  receiveLines,
  sendLine,
} from "./keeper-protocol.ts";
import { openKeeperTerminal } from "./keeper-terminal.ts";

/** The keeper does not answer: it has died. */
export class KeeperGoneError extends Error {
  override readonly name = "KeeperGoneError";
}

/** What can be asked of a keeper. Every method rejects with `KeeperGoneError` when it has died. */
export interface KeeperClient {
  status(options?: CallOptions): Promise<{ readonly isSuspended: boolean; readonly agent: AgentProcessStatus }>;
  /** Rejects with `sandbox.not-running` while suspended. */
  environment(options?: CallOptions): Promise<Readonly<Record<string, string>>>;
  /** From here on nothing can be started. */
  suspend(): Promise<void>;
  resume(environment?: Readonly<Record<string, string>>): Promise<void>;
  /** `isKnown`: this launch was recorded before; a keeper that does not know it reports it `lost`. */
  launch(launch: AgentLaunch, isKnown: boolean, options?: CallOptions): Promise<AgentProcessStatus>;
  terminal(options?: AgentTerminalOptions): Promise<TerminalStream>;
  text(lines: number, options?: CallOptions): Promise<string>;
  exit(options?: CallOptions): Promise<AgentProcessStatus>;
  shutdown(): Promise<void>;
}

export function createKeeperClient(address: KeeperAddress): KeeperClient {
  const ask = async (request: KeeperRequest, options?: CallOptions): Promise<unknown> => {
    await using connection = await KeeperConnection.open(address, options);
    return await connection.ask(request, options);
  };
  return {
    async status(options) {
      const status = (await ask({ do: "status" }, options)) as KeeperStatus;
      return { isSuspended: status.isSuspended, agent: agentStatus(status.agent) };
    },
    environment: async (options) => (await ask({ do: "environment" }, options)) as Readonly<Record<string, string>>,
    suspend: async () => void (await ask({ do: "suspend" })),
    resume: async (environment) => void (await ask({ do: "resume", environment })),
    launch: async (launch, isKnown, options) =>
      agentStatus((await ask({ do: "launch", launch, isKnown }, options)) as KeeperStatus["agent"]),
    terminal: (options) => openKeeperTerminal(() => KeeperConnection.open(address, options), options),
    text: async (lines, options) => String(await ask({ do: "text", lines }, options)),
    exit: async (options) => agentStatus((await ask({ do: "exit" }, options)) as KeeperStatus["agent"]),
    async shutdown() {
      await ask({ do: "shutdown" }).catch((error: unknown) => {
        if (!(error instanceof KeeperGoneError)) throw error;
      });
    },
  };
}

function agentStatus(status: KeeperStatus["agent"]): AgentProcessStatus {
  const { startedAt, ...rest } = status;
  return startedAt === undefined ? rest : { ...rest, startedAt: new Date(startedAt) };
}

/** One connection; requests are answered in order. */
export class KeeperConnection implements AsyncDisposable {
  readonly socket: Socket;
  readonly lines: AsyncGenerator<unknown, void, undefined>;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(socket: Socket) {
    this.socket = socket;
    this.lines = receiveLines(socket);
  }

  static async open(address: KeeperAddress, options?: CallOptions): Promise<KeeperConnection> {
    options?.signal?.throwIfAborted();
    const socket = connect({ host: "127.0.0.1", port: address.port, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", (error) => reject(new KeeperGoneError("the keeper cannot be reached", { cause: error })));
    });
    socket.on("error", () => socket.destroy());
    sendLine(socket, address.token);
    return new KeeperConnection(socket);
  }

  async ask(request: KeeperRequest, options?: CallOptions): Promise<unknown> {
    options?.signal?.throwIfAborted();
    sendLine(this.socket, request);
    const answer = this.#last.then(() => this.#receive());
    this.#last = answer.catch(() => undefined);
    return await abortable(answer, options?.signal);
  }

  async #receive(): Promise<unknown> {
    const { done, value } = await this.lines.next().catch((cause: unknown) => {
      throw new KeeperGoneError("the keeper has gone", { cause });
    });
    if (done === true) throw new KeeperGoneError("the keeper has gone");
    const answer = value as KeeperAnswer;
    if ("error" in answer) throw errorFromJson(answer.error);
    return answer.result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
  }
}
