import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import {
  noPowers,
  type Backend,
  type BackendContext,
  type Sandbox,
  type SandboxParts,
  type SandboxSpec,
} from "@clauderon/core/contract";
import {
  createGuestClient,
  dialGuestSocket,
  guestReports,
  DirectorySandbox,
  keepCarrier,
  type GuestClient,
} from "@clauderon/terminal";

/** What is known of a sandbox when its maker is gone. */
interface GuestRecord {
  readonly sandboxId: string;
  readonly name: string;
  readonly workspacePath: string;
  readonly key: string;
  readonly processId: number;
  readonly program: string;
}

const backendId = "ward";
/** Its loopback is its own; so is its /etc, which has hosts and the channel's directory. */
const confine = `ip link set lo up && mount -t tmpfs tmpfs "$1" && cp -a /etc/. "$1" && echo "127.0.0.1 localhost host.docker.internal" >"$1/hosts" &&
  mkdir "$1/clauderon" && mount --bind -o ro "$2" "$1/clauderon" && mount --rbind "$1" /etc && shift 2 && exec "$@"`;

/** For `[backends.ward] module = "…"`: a guest in a network of its own on this machine's files. `carrier = "stream"`: its channel goes over connections that are made to it. */
export function createBackend(context: BackendContext, settings: Readonly<Record<string, unknown>>): Backend {
  const root = path.join(context.homeDirectory, "state", backendId);
  const isStream = settings["carrier"] === "stream";
  const recordOf = (sandboxId: string): GuestRecord | undefined => {
    const file = path.join(root, sandboxId, "record.json");
    return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as GuestRecord) : undefined;
  };
  const handle = (record: GuestRecord, { channel }: SandboxParts): Sandbox => {
    const client = createGuestClient({
      instanceId: context.instanceId,
      key: Buffer.from(record.key, "hex"),
      dial: () => dialGuestSocket(path.join(root, record.sandboxId, "guest.sock")),
    });
    const accept = channel?.accept?.bind(channel);
    const carriers = isStream && accept !== undefined ? keepCarrier({ client, accept }) : undefined;
    return new GuestSandbox({ record, directory: path.join(root, record.sandboxId), client, carriers });
  };
  return {
    specificationVersion: "backend-v1",
    backendId,
    capabilities: { isolation: "container", workspace: "host", terminal: "bytes", ...noPowers, channel: true },
    doctor: () => Promise.resolve({ backendId, isUsable: true, checks: [] }),
    async create(spec: SandboxSpec) {
      const { sandboxId, name, environment, guest, channel } = spec;
      const workspacePath = spec.workspace.hostPath ?? "/";
      const directory = path.join(root, sandboxId);
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const key = randomBytes(32).toString("hex");
      writeFileSync(path.join(directory, "key"), key, { mode: 0o600 });
      const etc = path.join(directory, "etc");
      mkdirSync(etc);
      const program = guest?.pathFor({ os: "linux", architecture: process.arch === "arm64" ? "arm64" : "x64" }) ?? "";
      const socket = isStream ? [] : ["--channel-socket", "/etc/clauderon/proxy.sock"];
      const files = ["--key-file", path.join(directory, "key"), "--socket", path.join(directory, "guest.sock")];
      const run = [program, "run", ...files, "--proxy-port", String(channel?.proxyPort), ...socket];
      const mounts = [etc, channel?.directory ?? directory];
      const log = openSync(path.join(directory, "log"), "a");
      const child = spawn("unshare", ["--net", "--mount", "sh", "-c", confine, "sh", ...mounts, ...run], {
        detached: true,
        stdio: ["ignore", log, log],
        env: { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" },
      });
      child.unref();
      const record = { sandboxId, name, workspacePath, key, processId: child.pid ?? 0, program };
      writeFileSync(path.join(directory, "record.json"), JSON.stringify(record), { mode: 0o600 });
      const sandbox = handle(record, spec);
      await (sandbox as GuestSandbox).client.untilReady({ timeoutMs: 30_000 });
      await (sandbox as GuestSandbox).client.openSandbox({ sandboxId, name, cwd: workspacePath, environment });
      return sandbox;
    },
    async open(sandboxId, parts = {}) {
      const record = recordOf(sandboxId);
      return record === undefined ? undefined : handle(record, parts);
    },
    async *list() {
      for (const sandboxId of existsSync(root) ? readdirSync(root) : []) {
        const record = recordOf(sandboxId);
        if (record !== undefined) yield { sandboxId, name: record.name, state: "running" };
      }
    },
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

interface GuestSandboxParts {
  readonly record: GuestRecord;
  readonly directory: string;
  readonly client: GuestClient;
  readonly carriers: AsyncDisposable | undefined;
}

class GuestSandbox extends DirectorySandbox implements Sandbox {
  readonly hookCommand: readonly [string, string];
  readonly client: GuestClient;
  readonly #parts: GuestSandboxParts;

  constructor(parts: GuestSandboxParts) {
    super(backendId, parts.record);
    this.client = parts.client;
    this.hookCommand = [parts.record.program, "hook"];
    this.#parts = parts;
  }

  readonly inspect: Sandbox["inspect"] = async (options) => {
    const status = await this.client.inspectSandbox(this.sandboxId, options);
    return {
      state: status === undefined ? "stopped" : "running",
      agent: { state: status?.agent.state ?? "none" },
      egress: "sealed",
    };
  };
  readonly start: Sandbox["start"] = () => Promise.resolve();
  readonly stop: Sandbox["stop"] = async (options) => this.client.stopSandbox(this.sandboxId, options);
  readonly destroy: Sandbox["destroy"] = async () => {
    await this[Symbol.asyncDispose]();
    try {
      process.kill(this.#parts.record.processId, "SIGTERM");
    } catch {
      // It has ended.
    }
    rmSync(this.#parts.directory, { recursive: true, force: true });
  };
  readonly exec: Sandbox["exec"] = async (argv, options) => this.client.exec(this.sandboxId, argv, options);
  readonly startAgent: Sandbox["startAgent"] = async (launch, options) =>
    this.client.startAgent(this.sandboxId, launch, options);
  readonly agentTerminal: Sandbox["agentTerminal"] = async (options) =>
    this.client.agentTerminal(this.sandboxId, options);
  readonly agentText: Sandbox["agentText"] = () => Promise.resolve("");
  readonly agentExit: Sandbox["agentExit"] = async (options) => this.client.agentExit(this.sandboxId, options);

  readonly waitForReports: NonNullable<Sandbox["waitForReports"]> = async (options) =>
    guestReports(this.client, options);

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.carriers?.[Symbol.asyncDispose]();
    await this.client.close();
  }
}
