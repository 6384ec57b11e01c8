import { Buffer } from "node:buffer";
import { timingSafeEqual } from "node:crypto";
import { access } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";

import { ClauderonError } from "../../contract/errors/clauderon-error.ts";
import { InternalError } from "../../contract/errors/internal-error.ts";
import { SandboxError } from "../../contract/errors/sandbox-error.ts";
import { endMarkedProcesses, markerVariable } from "../processes/index.ts";
import { type KeeperConfiguration, type KeeperRequest, receiveLines, sendLine } from "./keeper-protocol.ts";
import { KeptAgent } from "./kept-agent.ts";

const WATCH_MS = 2000;
const GRACE_MS = 1000;

/** Owns one sandbox's environment and agent, and answers whoever has the token. */
export class KeeperServer {
  readonly #configuration: KeeperConfiguration;
  readonly #agent: KeptAgent;
  readonly #server: Server;
  readonly #exit: () => void;
  readonly #sockets = new Set<Socket>();
  #environment: Readonly<Record<string, string>>;
  #isSuspended = false;
  #watching: NodeJS.Timeout | undefined;

  /** `exit` is called when there is nothing to keep any more. */
  constructor(configuration: KeeperConfiguration, exit: () => void = () => process.exit(0)) {
    this.#configuration = configuration;
    this.#exit = exit;
    this.#environment = configuration.environment;
    this.#agent = new KeptAgent(configuration.keptOutputBytes);
    this.#server = createServer((socket) => void this.#serve(socket));
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host: "127.0.0.1", port: 0 }, resolve);
    });
    const address = this.#server.address();
    if (typeof address !== "object" || address === null) throw new InternalError("the keeper has no port");
    return address.port;
  }

  /** Ends this process, and the sandbox's, when its directory is gone. */
  watch(): void {
    this.#watching = setInterval(() => {
      access(this.#configuration.directory).catch(() => this.#end());
    }, WATCH_MS);
  }

  /** Frees what it holds; the agent's process is none of it. */
  close(): void {
    clearInterval(this.#watching);
    this.#agent.close();
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #end(): Promise<void> {
    clearInterval(this.#watching);
    try {
      const { processId } = this.#agent.status;
      await endMarkedProcesses(this.#configuration.marker, {
        graceMs: GRACE_MS,
        leaders: processId === undefined ? [] : [processId],
      });
    } finally {
      this.#exit();
    }
  }

  async #serve(socket: Socket): Promise<void> {
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    let isTrusted = false;
    try {
      for await (const line of receiveLines(socket)) {
        if (!isTrusted) {
          isTrusted = this.#isToken(line);
          if (!isTrusted) break;
          continue;
        }
        const request = line as KeeperRequest;
        try {
          if (request.do === "attach") this.#agent.attach(socket, request);
          else sendLine(socket, { result: (await this.#answer(request)) ?? null });
        } catch (error) {
          sendLine(socket, {
            error: ClauderonError.isInstance(error) ? error.toJSON() : new InternalError(error).toJSON(),
          });
        }
      }
    } catch {
      // The connection broke: whoever was there is gone, the agent goes on.
    }
    socket.end();
  }

  #isToken(line: unknown): boolean {
    const given = Buffer.from(String(line));
    const token = Buffer.from(this.#configuration.token);
    return given.length === token.length && timingSafeEqual(given, token);
  }

  async #answer(request: Exclude<KeeperRequest, { readonly do: "attach" }>): Promise<unknown> {
    switch (request.do) {
      case "status":
        return { isSuspended: this.#isSuspended, agent: this.#agent.status };
      case "environment":
        this.#refuseSuspended();
        return this.#environment;
      case "suspend":
        this.#isSuspended = true;
        break;
      case "resume":
        this.#isSuspended = false;
        this.#environment = request.environment ?? this.#environment;
        break;
      case "launch": {
        this.#refuseSuspended();
        const environment = {
          ...this.#environment,
          ...request.launch.environment,
          [markerVariable]: this.#configuration.marker,
        };
        const cwd = this.#configuration.workspacePath;
        return await this.#agent.launch(request.launch, { environment, cwd, isKnown: request.isKnown });
      }
      case "text":
        return this.#agent.text(request.lines);
      case "exit":
        return await this.#agent.end();
      case "input":
        this.#agent.input(Buffer.from(request.data, "base64"));
        break;
      case "resize":
        this.#agent.resize(request.size);
        break;
      case "pause":
        this.#agent.setPaused(request.viewerId, request.isPaused);
        break;
      case "shutdown":
        setImmediate(this.#exit);
        break;
    }
    return undefined;
  }

  #refuseSuspended(): void {
    if (!this.#isSuspended) return;
    throw new SandboxError({
      code: "sandbox.not-running",
      message: "The sandbox is stopped",
      fix: ["start the session"],
    });
  }
}
