import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";

import { AgentError } from "../../contract/errors/agent-error.ts";
import { CommandError } from "../../contract/errors/command-error.ts";
import { SessionError } from "../../contract/errors/session-error.ts";
import type { ProcessExit, TerminalSize } from "../../contract/process.ts";
import type { AgentLaunch } from "../../contract/sandbox.ts";
import { findProgram } from "../find-program.ts";
import { type AgentChild, startAgentChild } from "./agent-child.ts";
import { type KeeperStatus, sendLine } from "./keeper-protocol.ts";
import { OutputLog } from "./output-log.ts";

const LAG_BYTES = 256 * 1024;
const STALLED_MS = 2000;

interface Viewer {
  readonly viewerId: number;
  readonly socket: Socket;
  /** What was there before it came. */
  readonly replayUntil: number;
  next: number;
  isPaused: boolean;
  /** Since when its connection takes nothing. */
  blockedSince: number | undefined;
}

/** The agent of one sandbox: its process, its output, those who look at it. */
export class KeptAgent {
  readonly #keptBytes: number;
  readonly #viewers = new Set<Viewer>();
  readonly #balancing: NodeJS.Timeout;
  #log: OutputLog;
  #launch: AgentLaunch | undefined;
  #startedAt: Date | undefined;
  #child: AgentChild | undefined;
  #exit: ProcessExit | undefined;
  #size: TerminalSize = { columns: 80, rows: 24 };
  #ended = Promise.withResolvers<void>();
  #starting: Promise<void> = Promise.resolve();
  #viewerCount = 0;
  #isWaiting = false;

  constructor(keptBytes: number) {
    this.#keptBytes = keptBytes;
    this.#log = new OutputLog(keptBytes);
    this.#balancing = setInterval(() => this.#balance(), STALLED_MS / 4).unref();
  }

  get status(): KeeperStatus["agent"] {
    if (this.#launch === undefined || this.#child === undefined) return { state: "none" };
    const known = {
      launchId: this.#launch.launchId,
      processId: this.#child.processId,
      startedAt: this.#startedAt?.toISOString(),
    };
    return this.#exit === undefined ? { ...known, state: "running" } : { ...known, state: "exited", exit: this.#exit };
  }

  /** One at a time. `isKnown`: the id was started before, by a keeper that is gone. */
  launch(
    launch: AgentLaunch,
    options: {
      readonly environment: Readonly<Record<string, string>>;
      readonly cwd: string;
      readonly isKnown: boolean;
    },
  ): Promise<KeeperStatus["agent"]> {
    const done = this.#starting.then(() => this.#launchNow(launch, options));
    this.#starting = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  async #launchNow(
    launch: AgentLaunch,
    options: {
      readonly environment: Readonly<Record<string, string>>;
      readonly cwd: string;
      readonly isKnown: boolean;
    },
  ): Promise<KeeperStatus["agent"]> {
    if (this.#launch?.launchId === launch.launchId) return this.status;
    if (this.#child !== undefined && this.#exit === undefined) {
      throw new SessionError({
        message: "Another agent runs in the sandbox",
        fix: ["stop the session first"],
        context: { launchId: this.#launch?.launchId },
      });
    }
    if (options.isKnown) return { state: "lost", launchId: launch.launchId };
    if (!("path" in (await findProgram(launch.argv[0], options)))) {
      throw new CommandError({
        code: "command.not-found",
        message: `The program ${launch.argv[0]} was not found in the sandbox`,
        fix: [`install ${launch.argv[0]}, or put its directory on PATH`],
        context: { program: launch.argv[0] },
      });
    }
    const log = new OutputLog(this.#keptBytes);
    const child = await startAgentChild({
      launch,
      environment: options.environment,
      cwd: options.cwd,
      onOutput: (bytes, source) => {
        log.append(bytes, source);
        this.#balance();
      },
    });
    for (const viewer of this.#viewers) viewer.socket.destroy();
    this.#viewers.clear();
    this.#log = log;
    this.#launch = launch;
    this.#startedAt = new Date();
    this.#size = launch.size ?? { columns: 80, rows: 24 };
    this.#exit = undefined;
    this.#isWaiting = false;
    this.#child = child;
    this.#ended = Promise.withResolvers<void>();
    void child.ended.then((exit) => {
      if (this.#child !== child) return;
      this.#exit = exit;
      this.#ended.resolve();
      this.#balance();
    });
    return this.status;
  }

  /** Looks after nobody any more. */
  close(): void {
    clearInterval(this.#balancing);
  }

  /** Resolves at the agent's end, at once when none runs. */
  async end(): Promise<KeeperStatus["agent"]> {
    if (this.#child !== undefined) await this.#ended.promise;
    return this.status;
  }

  attach(socket: Socket, options: { readonly since: number; readonly size?: TerminalSize | undefined }): void {
    if (this.#child === undefined) throw noAgent();
    if (options.size !== undefined) this.resize(options.size);
    this.#viewerCount += 1;
    const viewer: Viewer = {
      viewerId: this.#viewerCount,
      socket,
      replayUntil: this.#log.total,
      next: options.since,
      isPaused: false,
      blockedSince: undefined,
    };
    this.#viewers.add(viewer);
    socket.on("drain", () => {
      viewer.blockedSince = undefined;
      this.#balance();
    });
    socket.once("close", () => {
      this.#viewers.delete(viewer);
      this.#balance();
    });
    sendLine(socket, { event: "attached", viewerId: viewer.viewerId });
    this.#balance();
  }

  input(bytes: Buffer): void {
    if (this.#child === undefined || this.#exit !== undefined) throw noAgent();
    this.#child.write(bytes);
  }

  resize(size: TerminalSize): void {
    if (size.columns === this.#size.columns && size.rows === this.#size.rows) return;
    this.#size = size;
    if (this.#exit === undefined) this.#child?.resize(size);
  }

  setPaused(viewerId: number, isPaused: boolean): void {
    for (const viewer of this.#viewers) if (viewer.viewerId === viewerId) viewer.isPaused = isPaused;
    this.#balance();
  }

  text(lines: number): string {
    return this.#log.text(lines);
  }

  /** Hands to every viewer what its connection takes, and lets the agent wait for those that lag but still read. */
  #balance(): void {
    let mustWait = false;
    for (const viewer of this.#viewers) {
      this.#send(viewer);
      const isStalled = viewer.blockedSince !== undefined && performance.now() - viewer.blockedSince > STALLED_MS;
      mustWait ||= viewer.isPaused || (this.#log.total - viewer.next > LAG_BYTES && !isStalled);
    }
    if (this.#exit !== undefined || mustWait === this.#isWaiting) return;
    this.#isWaiting = mustWait;
    this.#child?.setPaused(mustWait);
  }

  #send(viewer: Viewer): void {
    while (!viewer.isPaused && viewer.blockedSince === undefined) {
      const piece = this.#log.at(viewer.next);
      if (piece === undefined) break;
      const isReplay = piece.sequence < viewer.replayUntil;
      const bytes = isReplay ? piece.bytes.subarray(0, viewer.replayUntil - piece.sequence) : piece.bytes;
      viewer.next = piece.sequence + bytes.length;
      const { sequence, source } = piece;
      if (!sendLine(viewer.socket, { event: "output", sequence, data: bytes.toString("base64"), source, isReplay })) {
        viewer.blockedSince = performance.now();
      }
    }
    if (this.#exit !== undefined && viewer.next >= this.#log.total && !viewer.isPaused) {
      this.#viewers.delete(viewer);
      sendLine(viewer.socket, { event: "end", exit: this.#exit });
      viewer.socket.end();
    }
  }
}

function noAgent(): AgentError {
  return new AgentError({
    code: "agent.ended",
    message: "No agent runs in the sandbox",
    fix: ["start the session again"],
  });
}
