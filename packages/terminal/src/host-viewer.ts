import type { HostAgent } from "./host-agent.ts";
import type { HostConnection, HostStream } from "./host-connection.ts";
import { frameTypes, HostError, hostLimits, outputFlags } from "./host-protocol.ts";
import type { RingSlice } from "./replay-ring.ts";

export interface ViewerOptions {
  readonly connection: HostConnection;
  readonly id: number;
  readonly since: number;
  readonly credit: number;
  /** Ends after what is kept, also when the agent goes on. */
  readonly isReplayOnly: boolean;
}

/** A stream of an agent's output to one client: from the ring, as far as credit goes. */
export class HostViewer implements HostStream {
  readonly #agent: HostAgent;
  readonly #options: ViewerOptions;
  readonly #liveFrom: number;
  #cursor: number;
  #credit: number;
  #unwritten = 0;
  #isDone = false;
  isPaused = false;
  /** It took nothing for too long: the agent does not wait for it until it has caught up. */
  isLagging = false;
  hasProgress = false;

  constructor(agent: HostAgent, options: ViewerOptions) {
    this.#agent = agent;
    this.#options = options;
    this.#liveFrom = agent.ring.end;
    this.#cursor = Math.min(options.since, agent.ring.end);
    this.#credit = options.credit;
  }

  /** So far behind that output would be lost to it. */
  get isBehind(): boolean {
    return !this.isLagging && this.#agent.ring.end - this.#cursor > hostLimits.ringBytes / 2;
  }

  flush(): void {
    const { ring } = this.#agent;
    const { connection } = this.#options;
    while (!this.#isDone && !this.isPaused && this.#credit > 0 && !connection.isCongested) {
      if (this.#cursor < ring.start) this.#skipToKept();
      const limit = this.#cursor < this.#liveFrom ? this.#liveFrom - this.#cursor : Number.POSITIVE_INFINITY;
      const slice = ring.slice(this.#cursor, Math.min(this.#credit, hostLimits.outputBytes, limit));
      if (slice === undefined) break;
      if (this.#isReplayOnly) break;
      this.#send(slice, slice.sequence < this.#liveFrom ? outputFlags.replay : 0);
      this.#cursor = slice.sequence + slice.length;
    }
    if (this.#cursor === ring.end) this.isLagging = false;
    const hasAll = this.#cursor === ring.end || this.#isReplayOnly;
    if (hasAll && !this.#isDone && (!this.#agent.isRunning || this.#isReplayOnly)) this.#finish();
  }

  input(bytes: Buffer): void {
    this.#unwritten += bytes.length;
    if (this.#unwritten > hostLimits.inputWindowBytes && this.#unwritten !== bytes.length) {
      throw new HostError("request.refused", "More input was sent than there was room for");
    }
    this.#agent.input(bytes, () => {
      this.#unwritten -= bytes.length;
      if (!this.#isDone) this.#options.connection.sendCredit(this.#options.id, bytes.length);
    });
  }

  inputEnd(): void {}

  credit(_source: number, bytes: number): void {
    this.#credit += bytes;
    this.hasProgress = true;
    this.flush();
    this.#agent.regulate();
  }

  pause(isPaused: boolean): void {
    this.isPaused = isPaused;
    if (!isPaused) this.flush();
    this.#agent.regulate();
  }

  cancel(): void {
    this.#isDone = true;
    this.#agent.detach(this);
  }

  get #isReplayOnly(): boolean {
    return this.#options.isReplayOnly && this.#cursor >= this.#liveFrom;
  }

  #skipToKept(): void {
    const { ring } = this.#agent;
    this.#cursor = ring.start;
    const bytes = ring.prelude();
    if (bytes.length > 0)
      this.#send(
        { sequence: ring.start, source: "stdout", parts: [bytes], length: bytes.length },
        outputFlags.replay | outputFlags.prelude,
      );
  }

  #send({ sequence, source, parts, length }: RingSlice, flags: number): void {
    this.#credit -= length;
    this.#options.connection.sendOutput(this.#options.id, { source, flags, sequence, parts });
  }

  #finish(): void {
    this.#isDone = true;
    const { connection, id } = this.#options;
    connection.send(frameTypes.end, id, { exit: this.#agent.exit });
    connection.streams.delete(id);
    this.#agent.detach(this);
  }
}
