import { constants } from "node:os";
import { resolve } from "node:path";

import type { HostConnection, HostStream } from "./host-connection.ts";
import { HostExec } from "./host-exec.ts";
import { payloadObject } from "./host-frame.ts";
import { parameter } from "./host-parameters.ts";
import { frameTypes, HostError, hostLimits, type HostInfo } from "./host-protocol.ts";
import { HostSandbox } from "./host-sandbox.ts";

type Parameters = Readonly<Record<string, unknown>>;

interface Call {
  readonly connection: HostConnection;
  readonly id: number;
  readonly parameters: Parameters;
}

export interface HostMethodsOptions {
  readonly sandboxes: Map<string, HostSandbox>;
  readonly cgroupParent: string | undefined;
  readonly info: () => HostInfo;
  /** Sandboxes came or went. */
  readonly changed: () => void;
}

/** The method has sent its response itself. */
const answered: unique symbol = Symbol("answered");

/** A request that waits; it can only be taken back. */
const deafStream: HostStream = {
  input: () => undefined,
  inputEnd: () => undefined,
  credit: () => undefined,
  pause: () => undefined,
  flush: () => undefined,
  cancel: () => undefined,
};

const defaultSize = { columns: 80, rows: 24 };
const defaultGraceMs = 10_000;

/** What clients can ask for; each method answers with one response or one failure. */
export class HostMethods {
  readonly #options: HostMethodsOptions;
  readonly #methods: Readonly<Record<string, (call: Call) => unknown>>;

  constructor(options: HostMethodsOptions) {
    this.#options = options;
    this.#methods = {
      "host.info": () => options.info(),
      "sandbox.open": (call) => this.#open(call),
      "sandbox.list": () => ({ sandboxes: [...options.sandboxes.values()].map((sandbox) => sandbox.status()) }),
      "sandbox.inspect": (call) => ({
        sandbox: options.sandboxes.get(parameter.text(call.parameters, "sandboxId"))?.status(),
      }),
      "sandbox.stop": (call) => this.#sandbox(call).stop(parameter.count(call.parameters, "graceMs", defaultGraceMs)),
      "sandbox.close": (call) => this.#close(call),
      "agent.start": (call) => this.#startAgent(call),
      "agent.wait": (call) => this.#waitForAgent(call),
      "agent.attach": (call) => this.#attach(call),
      "sandbox.exec": (call) => this.#exec(call),
      "stream.resize": (call) => this.#resize(call),
      "stream.signal": (call) => this.#signal(call),
    };
  }

  request(connection: HostConnection, id: number, payload: Buffer): void {
    const { method, parameters = {} } = payloadObject(payload);
    if (id === 0 || connection.streams.has(id)) throw new HostError("request.refused", `The id ${id} is in use`);
    if (typeof parameters !== "object" || parameters === null)
      throw new HostError("request.refused", "Parameters are an object");
    void this.#answer({ connection, id, parameters: parameters as Parameters }, String(method));
  }

  async #answer(call: Call, method: string): Promise<void> {
    const { connection, id } = call;
    try {
      const run = Object.hasOwn(this.#methods, method) ? this.#methods[method] : undefined;
      if (run === undefined) throw new HostError("request.refused", `There is no method ${method}`);
      const result = await run(call);
      if (result !== answered) connection.send(frameTypes.response, id, result ?? {});
    } catch (error) {
      connection.streams.delete(id);
      const failure =
        error instanceof HostError
          ? error.failure
          : new HostError("internal", error instanceof Error ? error.message : String(error)).failure;
      connection.send(frameTypes.failure, id, failure);
    }
  }

  async #open({ parameters }: Call): Promise<void> {
    const { sandboxes, cgroupParent, changed } = this.#options;
    const identity = {
      sandboxId: parameter.text(parameters, "sandboxId"),
      instanceId: parameter.text(parameters, "instanceId"),
      name: parameter.text(parameters, "name"),
      cwd: parameter.text(parameters, "cwd"),
    };
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(identity.sandboxId))
      throw new HostError("request.refused", "The sandboxId has other characters than letters, digits, - and _");
    const environment = parameter.environment(parameters, "environment");
    const existing = sandboxes.get(identity.sandboxId);
    if (existing !== undefined) return existing.open(environment);
    if (environment === undefined) throw new HostError("sandbox.not-found", "A new sandbox needs an environment");
    sandboxes.set(identity.sandboxId, new HostSandbox(identity, environment, cgroupParent));
    changed();
  }

  async #close({ parameters }: Call): Promise<void> {
    const sandboxId = parameter.text(parameters, "sandboxId");
    const { sandboxes, changed } = this.#options;
    const sandbox = sandboxes.get(sandboxId);
    if (sandbox === undefined) return;
    const { left } = await sandbox.stop(parameter.count(parameters, "graceMs", defaultGraceMs));
    if (left.length > 0)
      throw new HostError(
        "internal",
        `The processes ${left.join(", ")} could not be ended`,
        `kill -9 ${left.join(" ")}`,
      );
    sandboxes.delete(sandboxId);
    changed();
  }

  #startAgent(call: Call): unknown {
    const { parameters } = call;
    const mode = parameter.text(parameters, "mode");
    if (mode !== "terminal" && mode !== "headless")
      throw new HostError("request.refused", "The mode is terminal or headless");
    return this.#sandbox(call).startAgent({
      launchId: parameter.text(parameters, "launchId"),
      argv: parameter.argv(parameters, "argv"),
      environment: parameter.environment(parameters, "environment") ?? {},
      mode,
      size: parameter.size(parameters, "size") ?? defaultSize,
    });
  }

  async #waitForAgent(call: Call): Promise<unknown> {
    const { agent } = this.#sandbox(call);
    if (agent === undefined) return { state: "none" };
    const { connection, id } = call;
    await new Promise<void>((done) => {
      const forget = agent.onEnd(done);
      if (agent.isRunning) this.#addStream(call, { ...deafStream, cancel: () => (forget(), done()) });
    });
    connection.streams.delete(id);
    return agent.status();
  }

  #attach(call: Call): typeof answered {
    const { connection, id, parameters } = call;
    const { agent } = this.#sandbox(call);
    if (agent === undefined) throw new HostError("agent.ended", "The agent was never started", "start the session");
    const size = parameter.size(parameters, "size");
    if (size !== undefined) agent.resize(size);
    const viewer = agent.attach({
      connection,
      id,
      since: parameter.count(parameters, "since", 0),
      credit: Math.min(
        parameter.count(parameters, "credit", hostLimits.outputWindowBytes),
        hostLimits.outputWindowBytes,
      ),
      isReplayOnly: parameters["isReplayOnly"] === true,
    });
    this.#addStream(call, viewer);
    connection.send(frameTypes.response, id, { agent: agent.status(), start: agent.ring.start, end: agent.ring.end });
    viewer.flush();
    return answered;
  }

  async #exec(call: Call): Promise<unknown> {
    const { connection, id, parameters } = call;
    const sandbox = this.#sandbox(call);
    const { cwd } = sandbox.status();
    const credit = Math.min(
      parameter.count(parameters, "credit", hostLimits.outputWindowBytes),
      hostLimits.outputWindowBytes,
    );
    const exec = new HostExec(connection, id, credit);
    this.#addStream(call, exec);
    const processId = await sandbox.startExec(exec, {
      argv: parameter.argv(parameters, "argv"),
      cwd: resolve(cwd, parameter.optionalText(parameters, "cwd") ?? "."),
      environment: parameter.environment(parameters, "environment") ?? {},
      hasInput: parameters["stdin"] === "pipe",
      terminal: parameter.size(parameters, "terminal"),
      timeoutMs: parameters["timeoutMs"] === undefined ? undefined : parameter.count(parameters, "timeoutMs", 0),
    });
    return { processId };
  }

  #resize({ connection, parameters }: Call): void {
    const size = parameter.size(parameters, "size");
    if (size === undefined) throw new HostError("request.refused", "A size is needed");
    const stream = connection.streams.get(parameter.count(parameters, "stream", 0));
    if (stream instanceof HostExec) stream.resize(size);
    else this.#options.sandboxes.get(String(parameters["sandboxId"]))?.agent?.resize(size);
  }

  #signal({ connection, parameters }: Call): void {
    const name = parameter.text(parameters, "signal");
    if (!(name in constants.signals)) throw new HostError("request.refused", `There is no signal ${name}`);
    const stream = connection.streams.get(parameter.count(parameters, "stream", 0));
    if (stream instanceof HostExec) stream.signal(name as NodeJS.Signals);
  }

  #sandbox({ parameters }: Call): HostSandbox {
    const sandboxId = parameter.text(parameters, "sandboxId");
    const sandbox = this.#options.sandboxes.get(sandboxId);
    if (sandbox === undefined)
      throw new HostError("sandbox.not-found", `There is no sandbox ${sandboxId}`, "create the session anew");
    return sandbox;
  }

  #addStream({ connection, id }: Call, stream: HostStream): void {
    if (connection.streams.size >= hostLimits.streamsPerConnection)
      throw new HostError("request.refused", "Too many streams on one connection");
    connection.streams.set(id, stream);
  }
}
