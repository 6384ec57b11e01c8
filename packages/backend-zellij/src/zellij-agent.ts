import { setTimeout as delay } from "node:timers/promises";

import {
  type AgentLaunch,
  type AgentProcessStatus,
  type BackendContext,
  type CallOptions,
  SandboxError,
} from "@clauderon/core/contract";
import { isProcessRunning } from "@clauderon/core/host";

import type { AgentWatch } from "./agent-watch.ts";
import type { KnownLaunch, Launches } from "./launches.ts";
import type { SandboxHost } from "./sandbox-host.ts";
import type { SandboxRecord } from "./sandbox-records.ts";
import { hasServerAt, looksLikeServerOf } from "./server-process.ts";
import { createArguments, launchSize, writeSessionFiles } from "./session-files.ts";
import { ZellijClient } from "./zellij-client.ts";
import { socketDirectory, socketPath, withoutPaneVariables } from "./zellij-environment.ts";
import { launchRunning, nameTaken, programMissing, startFailed } from "./zellij-errors.ts";
import type { ZellijGate } from "./zellij-gate.ts";
import type { ZellijSession } from "./zellij-session.ts";

const START_MS = 15_000;
const POLL_MS = 4;
/** A wrapper that lost its terminal ends in this time, and may still write how the agent ended. */
const SETTLE_MS = 5000;
/** The longest single argument the system takes (Linux: MAX_ARG_STRLEN). */
const ARGUMENT_BYTES = 131_071;
/** Also when this process has died meanwhile, the first client must not stay and keep the session at its size. */
const CLIENT_MS = 25_000;
/** A session without a pane after this time was stillborn, except where its server lives: then it is given the second time, too, on a busy machine. */
const BIRTH_MS = 2500;
const SLOW_BIRTH_MS = 20_000;
const SERVER_LOOK_MS = 250;
const BIRTHS = 4;

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
    return looksLikeServerOf(processes.server, this.#options.session.name) && isProcessRunning(processes.wrapper);
  }

  async exit(launch: KnownLaunch, options?: CallOptions): Promise<AgentProcessStatus> {
    await this.#options.watch.until(() => !this.isRunning(launch), options);
    return await this.status(launch);
  }

  /** Whether the launch has happened. One that another process is just making is waited for; one whose maker has died is made anew, except for what is left of it. */
  async #isBegun(known: KnownLaunch, options?: CallOptions): Promise<boolean> {
    const { marks } = known;
    const isBegun = (): boolean => marks.processes !== undefined || marks.exitCode !== undefined;
    const isOver = (): boolean => isBegun() || marks.refusal !== undefined || !isProcessRunning(known.owner);
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
    const { record } = this.#options;
    const { marks } = known;
    await writeSessionFiles(record, known, launch);
    options?.signal?.throwIfAborted();
    for (let attempt = 1; ; attempt += 1) {
      const failure = await this.#bear(known, launch, options);
      if (failure === undefined) break;
      await this.#clear(known);
      if (attempt === BIRTHS) throw startFailed(record, failure);
    }
    if (marks.refusal !== undefined) throw programMissing(launch.argv[0], marks.refusal);
  }

  /** One try; says why when the session was stillborn: something else of zellij's knocked at it too early. */
  async #bear(known: KnownLaunch, launch: AgentLaunch, options?: CallOptions): Promise<string | undefined> {
    const { record, session, gate } = this.#options;
    const { marks } = known;
    const isSeen = (): boolean => marks.processes !== undefined || marks.refusal !== undefined;
    const failure = await gate.birth(async () => {
      const maker = await this.#client(createArguments(record, known, session.name), launch);
      try {
        const isOver = (): boolean => isSeen() || maker.hasFailed;
        await waitFor(async () => isOver(), options, BIRTH_MS);
        if (!isOver()) await this.#slowBirth(isOver, options);
        return maker.hasFailed ? maker.said : undefined;
      } finally {
        await this.#dismiss(maker);
      }
    });
    if (isSeen()) return undefined;
    if (failure !== undefined) return failure;
    if ((await session.pane(known, options)) !== undefined) await waitFor(async () => isSeen(), options);
    return isSeen() ? undefined : "no process was seen in the session's pane";
  }

  /** Waits on while the session's server lives: the client of a server that crashed waits for it for ever. */
  async #slowBirth(isOver: () => boolean, options?: CallOptions): Promise<void> {
    const { record, session } = this.#options;
    const socket = socketPath(record.places, session.name);
    const deadline = performance.now() + SLOW_BIRTH_MS;
    while (performance.now() < deadline && hasServerAt(socket)) {
      await waitFor(async () => isOver(), options, SERVER_LOOK_MS);
      if (isOver()) return;
    }
  }

  /** The session goes on without it. Where it cannot be told, the host ends it a little later. */
  async #dismiss(client: ZellijClient): Promise<void> {
    const { context, session } = this.#options;
    try {
      await client.leave();
    } catch (error) {
      context.logger.warn({ session: session.name, error }, "the client that made the session was not told to leave");
    }
  }

  /** A client of zellij in the sandbox's environment, which the session's server and so the agent inherit. */
  async #client(args: readonly string[], launch: AgentLaunch): Promise<ZellijClient> {
    const { record, program, host } = this.#options;
    const handle = await host.exec(record.sandboxId, [program, ...args], {
      cwd: record.workspacePath,
      terminal: launchSize(launch),
      timeoutMs: CLIENT_MS,
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
    while (launch.marks.exitCode === undefined && isProcessRunning(wrapper) && performance.now() < deadline) {
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
