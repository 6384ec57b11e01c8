import { setTimeout as delay } from "node:timers/promises";

import {
  type AgentLaunch,
  type AgentProcessStatus,
  type BackendContext,
  type CallOptions,
  SandboxError,
  type TerminalSize,
} from "@clauderon/core/contract";

import type { AgentWatch } from "./agent-watch.ts";
import type { KnownLaunch, Launches } from "./launches.ts";
import type { SandboxHost } from "./sandbox-host.ts";
import type { SandboxRecord } from "./sandbox-records.ts";
import { isAlive, looksLikeServerOf } from "./server-process.ts";
import { createArguments, launchSize, viewArguments, writeSessionFiles } from "./session-files.ts";
import { ZellijClient } from "./zellij-client.ts";
import { socketDirectory, withoutPaneVariables } from "./zellij-environment.ts";
import { launchRunning, nameTaken, programMissing, startFailed } from "./zellij-errors.ts";
import type { ZellijGate } from "./zellij-gate.ts";
import type { ZellijSession } from "./zellij-session.ts";

const START_MS = 15_000;
const POLL_MS = 4;
/** A wrapper that lost its terminal ends in this time, and may still write how the agent ended. */
const SETTLE_MS = 1000;
/** The longest single argument the system takes (Linux: MAX_ARG_STRLEN). */
const ARGUMENT_BYTES = 131_071;
const SIZE_MS = 3000;
/** A session without a pane after this time was stillborn. */
const BIRTH_MS = 2500;
const BIRTHS = 4;
const FIRST_OUTPUT_MS = 1000;

export interface ZellijAgentOptions {
  readonly context: BackendContext;
  readonly record: SandboxRecord;
  readonly program: string;
  readonly launches: Launches;
  readonly session: ZellijSession;
  readonly host: SandboxHost;
  readonly watch: AgentWatch;
  readonly gate: ZellijGate;
}

/** The agent of one sandbox in its terminal. Truth is in the launch's marks and in the process table; nothing is remembered here. */
export class ZellijAgent {
  readonly #options: ZellijAgentOptions;

  constructor(options: ZellijAgentOptions) {
    this.#options = options;
  }

  /** Idempotent by the launch's id, also when it was begun by a process that has died. */
  async start(launch: AgentLaunch, options?: CallOptions): Promise<AgentProcessStatus> {
    const { launches, record, context } = this.#options;
    refuseLongArguments(launch);
    for (;;) {
      options?.signal?.throwIfAborted();
      const known = await launches.find(launch.launchId);
      if (known !== undefined && (await this.#isBegun(known, options))) return await this.status(known);
      if (known === undefined) {
        const last = await launches.last();
        if (last !== undefined && (await this.status(last)).state === "running") throw launchRunning(record);
        await this.#clear(last);
        if (!(await launches.begin(launch, context.clock.now()))) continue;
      }
      const begun = await launches.find(launch.launchId);
      if (begun !== undefined) return await this.#run(begun, launch, options);
    }
  }

  async status(launch: KnownLaunch): Promise<AgentProcessStatus> {
    const { launchId, marks } = launch;
    const { processes } = marks;
    if (processes === undefined) return { state: "none" };
    if (!this.isRunning(launch) && marks.exitCode === undefined) await this.#settle(launch);
    const started = { launchId, processId: processes.agent, startedAt: new Date(launch.startedAt) };
    const { exitCode } = marks;
    if (exitCode !== undefined) return { state: "exited", ...started, exit: { exitCode, isTimedOut: false } };
    return { state: this.isRunning(launch) ? "running" : "lost", ...started };
  }

  /** Cheap: a few system calls. */
  isRunning({ marks }: KnownLaunch): boolean {
    const { processes } = marks;
    if (processes === undefined || marks.exitCode !== undefined) return false;
    return looksLikeServerOf(processes.server, this.#options.session.name) && isAlive(processes.wrapper);
  }

  async exit(launch: KnownLaunch, options?: CallOptions): Promise<AgentProcessStatus> {
    await this.#options.watch.until(() => !this.isRunning(launch), options);
    return await this.status(launch);
  }

  /** Whether the launch has happened. One that another process is just making is waited for; one whose maker has died is made anew, except for what is left of it. */
  async #isBegun(known: KnownLaunch, options?: CallOptions): Promise<boolean> {
    const { marks } = known;
    const isBegun = (): boolean => marks.processes !== undefined || marks.exitCode !== undefined;
    const isOver = (): boolean => isBegun() || marks.refusal !== undefined || !isAlive(known.owner);
    await waitFor(async () => isOver() || (await this.#options.launches.find(known.launchId)) === undefined, options);
    if (isBegun()) return true;
    if ((await this.#options.session.owner(known)) !== "ours") return false;
    await waitFor(async () => isBegun(), options);
    return isBegun();
  }

  /** Ends the session that held the last launch's screen. */
  async #clear(last: KnownLaunch | undefined): Promise<void> {
    const { session, record } = this.#options;
    const owner = await session.owner(last);
    if (owner === "foreign" || owner === "exited-foreign") throw nameTaken(record.name, owner === "exited-foreign");
    if (owner !== "nobody") await session.end(last);
  }

  async #run(known: KnownLaunch, launch: AgentLaunch, options?: CallOptions): Promise<AgentProcessStatus> {
    const { launches, session } = this.#options;
    try {
      await this.#open(known, launch, options);
      return await this.status(known);
    } catch (error) {
      if (known.marks.processes === undefined) {
        await session.end(known);
        await launches.forget(known.launchId);
      }
      throw error;
    }
  }

  async #open(known: KnownLaunch, launch: AgentLaunch, options?: CallOptions): Promise<void> {
    const { record, session } = this.#options;
    const { marks } = known;
    await writeSessionFiles(record, known, launch);
    options?.signal?.throwIfAborted();
    for (let attempt = 1; !(await this.#bear(known, launch, options)); attempt += 1) {
      await session.end(known);
      if (attempt === BIRTHS) throw startFailed(record, "no process was seen in the session's pane");
    }
    if (marks.refusal !== undefined) throw programMissing(launch.argv[0], marks.refusal);
    await this.#size(known, launch);
  }

  /** One try; false when the session was stillborn: something else of zellij's knocked at it too early. */
  async #bear(known: KnownLaunch, launch: AgentLaunch, options?: CallOptions): Promise<boolean> {
    const { record, session, gate } = this.#options;
    const { marks } = known;
    const isSeen = (): boolean => marks.processes !== undefined || marks.refusal !== undefined;
    await gate.birth(async () => {
      const maker = await this.#client(createArguments(record, known, session.name), launch);
      await waitFor(async () => isSeen() || maker.hasFailed, options, BIRTH_MS);
      if (maker.hasFailed && !isSeen()) throw startFailed(record, maker.said);
    });
    if (isSeen()) return true;
    if ((await session.pane(known, options)) === undefined) return isSeen();
    await waitFor(async () => isSeen(), options);
    return isSeen();
  }

  /** zellij's own idea of the pane's size comes from its clients alone: one of the launch's size comes and leaves. The agent has that size already. */
  async #size(known: KnownLaunch, launch: AgentLaunch): Promise<void> {
    const { record, session, context, gate } = this.#options;
    const size = launchSize(launch);
    const viewer = await gate.command(async () => {
      const client = await this.#client(viewArguments(record, known, session.name), launch, size);
      await waitFor(async () => client.hasSpoken || client.hasFailed, undefined, FIRST_OUTPUT_MS);
      return client;
    });
    const deadline = performance.now() + SIZE_MS;
    try {
      while (performance.now() < deadline && this.isRunning(known)) {
        const pane = await session.pane(known);
        if (pane?.columns === size.columns && pane.rows === size.rows) return;
        await delay(POLL_MS * 5);
      }
      context.logger.debug({ session: session.name }, "the session's pane did not take the launch's size");
    } finally {
      await viewer.leave();
    }
  }

  /** A client of zellij in the sandbox's environment, which the session's server and so the agent inherit. */
  async #client(args: readonly string[], launch: AgentLaunch, terminal?: TerminalSize): Promise<ZellijClient> {
    const { record, program, host } = this.#options;
    const handle = await host.exec(record.sandboxId, [program, ...args], {
      cwd: record.workspacePath,
      terminal,
      environment: {
        ...withoutPaneVariables(launch.environment ?? {}),
        TERM: "xterm-256color",
        COLORTERM: "truecolor",
        ZELLIJ_SOCKET_DIR: socketDirectory(record.places),
      },
    });
    return new ZellijClient(handle);
  }

  async #settle(launch: KnownLaunch): Promise<void> {
    const wrapper = launch.marks.processes?.wrapper;
    if (wrapper === undefined) return;
    const deadline = performance.now() + SETTLE_MS;
    while (launch.marks.exitCode === undefined && isAlive(wrapper) && performance.now() < deadline) {
      await delay(POLL_MS * 5);
    }
  }
}

/** Until the condition holds or the time for a start is over; says nothing of which. */
async function waitFor(
  condition: () => Promise<boolean>,
  options?: CallOptions,
  timeoutMs: number = START_MS,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition()) && performance.now() < deadline) {
    await delay(POLL_MS, undefined, { signal: options?.signal });
  }
}

function refuseLongArguments(launch: AgentLaunch): void {
  const tooLong = launch.argv.find(
    (argument) => Buffer.byteLength(argument) > ARGUMENT_BYTES || argument.includes("\0"),
  );
  if (tooLong === undefined) return;
  throw new SandboxError({
    message: "The agent cannot be started with this argument",
    why: tooLong.includes("\0")
      ? "it contains a NUL character"
      : `it has ${String(Buffer.byteLength(tooLong))} bytes and the system takes ${String(ARGUMENT_BYTES)}`,
    fix: ["put a long prompt into a file of the workspace and name the file in the prompt"],
    context: { launchId: launch.launchId },
  });
}
