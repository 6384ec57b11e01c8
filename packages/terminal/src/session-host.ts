import { randomBytes } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";

import { HostConnection } from "./host-connection.ts";
import { payloadObject, type HostFrame } from "./host-frame.ts";
import { handshakeProof, isEqualProof, isNonce } from "./host-handshake.ts";
import { HostMethods } from "./host-methods.ts";
import { frameTypes, HostError, hostLimits, hostProtocolVersion, sources } from "./host-protocol.ts";
import type { HostSandbox } from "./host-sandbox.ts";

export interface SessionHostOptions {
  readonly key: Buffer;
  readonly cgroupParent?: string | undefined;
  /** Without sandboxes and clients for so long, `idle` is called. */
  readonly idleMs: number;
  readonly idle: () => void;
  readonly log: (message: string) => void;
}

/** Serves the host protocol: knows its peers, hands their requests to the sandboxes. */
export class SessionHost {
  readonly server: Server;
  readonly #options: SessionHostOptions;
  readonly #sandboxes = new Map<string, HostSandbox>();
  readonly #connections = new Set<HostConnection>();
  readonly #methods: HostMethods;
  readonly #startedAtMs = Date.now();
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(options: SessionHostOptions) {
    this.#options = options;
    this.#methods = new HostMethods({
      sandboxes: this.#sandboxes,
      cgroupParent: options.cgroupParent,
      info: () => ({
        processId: process.pid,
        startedAtMs: this.#startedAtMs,
        protocol: hostProtocolVersion,
        memoryBytes: process.memoryUsage.rss(),
        sandboxes: this.#sandboxes.size,
        connections: this.#connections.size,
        cgroupDirectory: options.cgroupParent,
      }),
      changed: () => this.#watchIdleness(),
    });
    this.server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#watchIdleness();
  }

  /** Ends every sandbox. */
  async stopAll(graceMs: number): Promise<void> {
    await Promise.allSettled([...this.#sandboxes.values()].map((sandbox) => sandbox.stop(graceMs)));
  }

  #accept(socket: Socket): void {
    let step: "hello" | "proof" | "ready" = "hello";
    const nonces = { client: "", host: randomBytes(32).toString("hex") };
    const connection = new HostConnection(socket, {
      frame: (frame) => {
        if (step === "ready") this.#route(connection, frame);
        else step = this.#handshake(connection, frame, { step, nonces });
        if (step === "ready") clearTimeout(deadline);
      },
      closed: () => {
        clearTimeout(deadline);
        this.#connections.delete(connection);
        this.#watchIdleness();
      },
    });
    const deadline = setTimeout(() => {
      connection.refuse(new HostError("operation.timeout", "The handshake took too long"));
    }, hostLimits.handshakeMs);
    this.#connections.add(connection);
    this.#watchIdleness();
  }

  #handshake(
    connection: HostConnection,
    frame: HostFrame,
    state: { readonly step: "hello" | "proof"; readonly nonces: { client: string; readonly host: string } },
  ): "proof" | "ready" {
    const { nonces } = state;
    const { key } = this.#options;
    const wanted = state.step === "hello" ? frameTypes.hello : frameTypes.proof;
    if (frame.type !== wanted || frame.id !== 0)
      throw new HostError("authentication.required", "The first frame is not a greeting");
    const message = payloadObject(frame.payload);
    if (state.step === "hello") {
      const { protocols, nonce } = message;
      if (!Array.isArray(protocols) || !protocols.includes(hostProtocolVersion)) {
        throw new HostError(
          "daemon.version-mismatch",
          `This session host speaks protocol ${hostProtocolVersion}`,
          "stop all sessions, then try again",
        );
      }
      if (!isNonce(nonce)) throw new HostError("authentication.required", "The nonce is not 32 bytes in hexadecimal");
      nonces.client = nonce;
      connection.send(frameTypes.challenge, 0, {
        protocol: hostProtocolVersion,
        nonce: nonces.host,
        proof: handshakeProof(key, "host", nonces),
      });
      return "proof";
    }
    if (!isEqualProof(message["proof"], handshakeProof(key, "client", nonces))) {
      this.#options.log("refused a client that does not know the key");
      throw new HostError(
        "authentication.required",
        "The proof is wrong",
        "use the same clauderon home as the session host",
      );
    }
    connection.acceptLargeFrames();
    connection.send(frameTypes.welcome, 0, {
      processId: process.pid,
      startedAtMs: this.#startedAtMs,
      limits: hostLimits,
    });
    return "ready";
  }

  #route(connection: HostConnection, frame: HostFrame): void {
    const { type, id, payload } = frame;
    if (type === frameTypes.request) {
      this.#methods.request(connection, id, payload);
      return;
    }
    const stream = connection.streams.get(id);
    switch (type) {
      case frameTypes.input:
        // Both ends may end a stream at once: what crosses its end is dropped.
        stream?.input(payload);
        return;
      case frameTypes.inputEnd:
        stream?.inputEnd();
        return;
      case frameTypes.credit: {
        if (payload.length !== 5) throw new HostError("request.refused", "A credit frame has 5 bytes");
        const source = payload.readUInt8(0);
        if (source !== sources.stdout && source !== sources.stderr)
          throw new HostError("request.refused", `There is no source ${source}`);
        stream?.credit(source, payload.readUInt32BE(1));
        return;
      }
      case frameTypes.pause:
        if (payload.length !== 1) throw new HostError("request.refused", "A pause frame has 1 byte");
        stream?.pause(payload.readUInt8(0) === 1);
        return;
      case frameTypes.cancel:
        stream?.cancel();
        connection.streams.delete(id);
        return;
      default:
        throw new HostError("request.refused", `There is no frame type ${type}`);
    }
  }

  #watchIdleness(): void {
    clearTimeout(this.#idleTimer);
    if (this.#sandboxes.size > 0 || this.#connections.size > 0) return;
    this.#idleTimer = setTimeout(this.#options.idle, this.#options.idleMs);
  }
}
