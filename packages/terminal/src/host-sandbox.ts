import {
  endMarkedProcesses,
  keeperVariable,
  markerVariable,
  type EndedProcesses,
} from "@clauderon/core/host/processes";

import { HostAgent } from "./host-agent.ts";
import { cgroupMembers, joinCgroup, removeCgroup, sandboxCgroup } from "./host-cgroup.ts";
import type { HostExec } from "./host-exec.ts";
import { spawnPipes } from "./host-pipes.ts";
import { isDirectory, lookUpProgram } from "./host-program.ts";
import { HostError, type HostAgentStatus, type HostSandboxStatus, type HostTerminalSize } from "./host-protocol.ts";
import { spawnPty } from "./host-pty.ts";

type Environment = Readonly<Record<string, string>>;

export interface HostSandboxIdentity {
  readonly sandboxId: string;
  readonly instanceId: string;
  readonly name: string;
  readonly cwd: string;
}

export interface HostLaunch {
  readonly launchId: string;
  readonly argv: readonly [string, ...string[]];
  readonly environment: Environment;
  readonly mode: "terminal" | "headless";
  readonly size: HostTerminalSize;
}

export interface HostExecRequest {
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  readonly environment: Environment;
  readonly hasInput: boolean;
  readonly terminal: HostTerminalSize | undefined;
  readonly timeoutMs: number | undefined;
}

/** The processes of one sandbox, with its environment in memory. */
export class HostSandbox {
  readonly #identity: HostSandboxIdentity;
  readonly #cgroup: string | undefined;
  readonly #execs = new Set<HostExec>();
  /** Processes on their way into the group. */
  readonly #joining = new Set<Promise<void>>();
  /** How launches before the latest one ended. */
  readonly #earlier = new Map<string, HostAgentStatus>();
  #environment: Environment;
  #state: "running" | "stopping" | "stopped" = "running";
  #agent: HostAgent | undefined;
  #stopping: Promise<EndedProcesses> | undefined;

  constructor(identity: HostSandboxIdentity, environment: Environment, cgroupParent: string | undefined) {
    this.#identity = identity;
    this.#environment = environment;
    this.#cgroup = cgroupParent === undefined ? undefined : sandboxCgroup(cgroupParent, identity.sandboxId);
  }

  get agent(): HostAgent | undefined {
    return this.#agent;
  }

  get isRunning(): boolean {
    return this.#state === "running";
  }

  status(): HostSandboxStatus {
    const { sandboxId, instanceId, name, cwd } = this.#identity;
    return { sandboxId, instanceId, name, cwd, state: this.#state, agent: this.#agent?.status() ?? { state: "none" } };
  }

  /** After `stop` too; an absent environment leaves the one it has. */
  async open(environment: Environment | undefined): Promise<void> {
    await this.#stopping;
    if (environment !== undefined) this.#environment = environment;
    this.#state = "running";
  }

  /** The status of the launch of that id, whether it is new or not. */
  startAgent(launch: HostLaunch): Promise<HostAgentStatus> | HostAgentStatus {
    if (this.#agent?.launchId === launch.launchId) return this.#agent.status();
    const earlier = this.#earlier.get(launch.launchId);
    if (earlier !== undefined) return earlier;
    this.#mustRun();
    if (this.#agent?.isRunning) {
      throw new HostError(
        "session.wrong-state",
        "Another launch of the agent runs",
        "stop it first, or wait for its end",
      );
    }
    return this.#launch(launch);
  }

  async startExec(exec: HostExec, request: HostExecRequest): Promise<number | undefined> {
    this.#mustRun();
    const environment = this.#childEnvironment(request.environment, request.terminal !== undefined);
    if (!isDirectory(request.cwd)) {
      exec.notRunnable(126, `${request.cwd}: no such directory`);
      return undefined;
    }
    const { exitCode } = lookUpProgram(request.argv[0], request.cwd, environment);
    if (exitCode !== 0) {
      exec.notRunnable(exitCode, `${request.argv[0]}: ${exitCode === 127 ? "not found" : "cannot be run"}`);
      return undefined;
    }
    const options = { argv: request.argv, cwd: request.cwd, environment };
    this.#execs.add(exec);
    exec.onEnd = () => this.#execs.delete(exec);
    try {
      const started =
        request.terminal === undefined
          ? await spawnPipes({ ...options, hasInput: request.hasInput }, exec.events)
          : spawnPty({ ...options, size: request.terminal }, exec.events);
      this.#adopt(started.processId);
      exec.started(started, request.timeoutMs);
      return started.processId;
    } catch (error) {
      this.#execs.delete(exec);
      const reason = error instanceof Error ? error.message : String(error);
      exec.notRunnable(126, `${request.argv[0]}: ${reason}`);
      return undefined;
    }
  }

  /** Ends every process; of two calls at once the second waits for the first. */
  async stop(graceMs: number): Promise<EndedProcesses> {
    if (this.#stopping !== undefined) return this.#stopping;
    this.#state = "stopping";
    this.#stopping = this.#end(graceMs);
    try {
      return await this.#stopping;
    } finally {
      this.#stopping = undefined;
      this.#state = "stopped";
    }
  }

  async #end(graceMs: number): Promise<EndedProcesses> {
    await Promise.all(this.#joining);
    const leaders = [
      this.#agent?.isRunning ? this.#agent.processId : undefined,
      ...[...this.#execs].map((exec) => exec.processId),
    ];
    const cgroup = this.#cgroup;
    const result = await endMarkedProcesses(this.#marker, {
      graceMs,
      leaders: leaders.filter((processId) => processId !== undefined),
      members: cgroup === undefined ? undefined : () => cgroupMembers(cgroup),
    });
    if (cgroup !== undefined && result.left.length === 0) removeCgroup(cgroup);
    const agent = this.#agent;
    if (agent?.isRunning) await new Promise<void>((resolve) => void agent.onEnd(resolve));
    return result;
  }

  async #launch(launch: HostLaunch): Promise<HostAgentStatus> {
    const { cwd } = this.#identity;
    const environment = this.#childEnvironment(launch.environment, launch.mode === "terminal");
    if (launch.mode === "terminal" && launch.environment["TERM"] === undefined) environment["TERM"] = "xterm-256color";
    if (!isDirectory(cwd))
      throw new HostError(
        "sandbox.start-failed",
        `The workspace ${cwd} is not there`,
        "restore it, or delete the session",
      );
    const { exitCode } = lookUpProgram(launch.argv[0], cwd, environment);
    if (exitCode !== 0) {
      const what = exitCode === 127 ? "was not found" : "cannot be run";
      throw new HostError(
        "command.not-found",
        `The program ${launch.argv[0]} ${what}`,
        `install ${launch.argv[0]}, or give its whole path`,
      );
    }
    const agent = new HostAgent(launch);
    const before = this.#agent;
    if (before !== undefined) this.#earlier.set(before.launchId, before.status());
    this.#agent = agent;
    const options = { argv: launch.argv, cwd, environment };
    try {
      const started =
        launch.mode === "terminal"
          ? spawnPty({ ...options, size: launch.size }, agent.events)
          : await spawnPipes({ ...options, hasInput: false }, agent.events);
      this.#adopt(started.processId);
      agent.started(started);
    } catch (error) {
      this.#agent = before;
      const reason = error instanceof Error ? error.message : String(error);
      throw new HostError("sandbox.start-failed", `The agent did not start: ${reason}`);
    }
    return agent.status();
  }

  #mustRun(): void {
    if (this.#state !== "running") {
      throw new HostError(
        "sandbox.not-running",
        `The sandbox of ${this.#identity.name} is stopped`,
        `clauderon start ${this.#identity.name}`,
      );
    }
  }

  #adopt(processId: number): void {
    if (this.#cgroup === undefined) return;
    const joining = joinCgroup(this.#cgroup, processId).finally(() => this.#joining.delete(joining));
    this.#joining.add(joining);
  }

  get #marker(): string {
    return `${this.#identity.instanceId}/${this.#identity.sandboxId}`;
  }

  #childEnvironment(added: Environment, hasTerminal: boolean): Record<string, string> {
    const environment: Record<string, string> = { ...this.#environment, ...added, [markerVariable]: this.#marker };
    delete environment[keeperVariable];
    if (hasTerminal) {
      // Sizes of another terminal, which programs would believe.
      delete environment["LINES"];
      delete environment["COLUMNS"];
      environment["TERM"] ??= "xterm-256color";
    }
    return environment;
  }
}
