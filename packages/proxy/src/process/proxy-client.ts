import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open } from "node:fs/promises";
import { createRequire } from "node:module";
import { connect, type Socket } from "node:net";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

import { DaemonError, errorFromJson } from "@clauderon/core/contract";
import { keeperEnvironment } from "@clauderon/core/host";

import { knownSecrets } from "../secrets/known-secrets.ts";
import type {
  ControlAnswer,
  ControlEvent,
  ControlMethod,
  ControlMethods,
  EventPosition,
  FollowStart,
  ProxyStart,
} from "./control-protocol.ts";
import { lastWords, readWhole } from "./failed-start.ts";
import { proxyProcessPaths } from "./proxy-process-paths.ts";

/** One whose process has ended is not waited for; on a machine with too much to do a start may take many seconds. */
const startMs = 30_000;
const sourceCondition = "@clauderon/source";
/** The network's own proxy, and what the programs that hold secrets need to be asked. */
const passedVariables = [
  "HTTPS_PROXY",
  "https_proxy",
  "PATH",
  "HOME",
  "DBUS_SESSION_BUS_ADDRESS",
  "XDG_RUNTIME_DIR",
  "npm_config_registry",
];

/** The proxy's process, as the daemon sees it. */
export interface ProxyClient extends AsyncDisposable {
  call<Method extends Exclude<ControlMethod, "events">>(
    method: Method,
    parameters: Parameters<ControlMethods[Method]>[0],
  ): Promise<ReturnType<ControlMethods[Method]>>;
  /** What the model tap saw after a position (default: all that is kept), and goes on seeing. */
  follow(from?: EventPosition, options?: { readonly signal?: AbortSignal | undefined }): Promise<FollowedEvents>;
  /** Resolves when the process has ended, or the client is closed. */
  readonly ended: Promise<void>;
  /** Leaves the process running. */
  close(): void;
}

export interface FollowedEvents extends FollowStart {
  /** Ends with the process, with the signal, or when more waited than is kept. */
  readonly events: AsyncIterable<ControlEvent>;
}

export interface StartProxyOptions {
  /** `~/.clauderon`. */
  readonly home: string;
  readonly userHome: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The daemon's own ports, which no session reaches. */
  readonly closedPorts?: readonly number[] | undefined;
}

/** The proxy of a home, which is started when none runs. It outlives whoever started it. */
export async function startProxyProcess(options: StartProxyOptions): Promise<ProxyClient> {
  const running = await connectProxyProcess(options.home);
  if (running !== undefined) return running;
  const { log } = proxyProcessPaths(options.home);
  const child = await launch(options, log);
  const deadline = performance.now() + startMs;
  while (performance.now() < deadline) {
    const client = await connectProxyProcess(options.home);
    if (client !== undefined) return client;
    // Another's may be just starting; one that ended without any other is a failure.
    if (child.hasExited() && (await connectProxyProcess(options.home)) === undefined) break;
    await delay(10);
  }
  const told = child.hasExited()
    ? ((await lastWords(log)) ?? { why: "its process ended", fix: [] })
    : { why: `nothing answered within ${startMs / 1000} s`, fix: [] };
  const [first, ...others] = told.fix;
  const seeLog = `see ${log}`;
  throw new DaemonError({
    message: "The proxy did not start",
    why: told.why,
    fix: first === undefined ? [seeLog] : [first, ...others, seeLog],
  });
}

/** The proxy of a home, or `undefined` when none runs. */
export async function connectProxyProcess(home: string): Promise<ProxyClient | undefined> {
  const socket = connect(proxyProcessPaths(home).controlSocket);
  try {
    await once(socket, "connect");
  } catch {
    // Nobody listens there.
    return undefined;
  }
  const client = createClient(home, socket);
  try {
    // One that is being killed still takes connections, but answers none.
    await client.call("status", {});
  } catch (error) {
    client.close();
    if (DaemonError.isInstance(error)) return undefined;
    throw error;
  }
  return client;
}

async function launch(options: StartProxyOptions, log: string): Promise<{ hasExited(): boolean }> {
  await mkdir(dirname(log), { recursive: true, mode: 0o700 });
  await using output = await open(log, "a", 0o600);
  const path = createRequire(import.meta.url).resolve("@clauderon/proxy/process");
  const conditions = path.endsWith(".ts") ? ["--conditions", sourceCondition] : [];
  const child = spawn(process.execPath, [...conditions, path], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", output.fd, output.fd],
    env: ownEnvironment(options.environment),
  });
  let hasExited = false;
  child.once("exit", () => {
    hasExited = true;
  });
  child.once("error", () => {
    hasExited = true;
  });
  child.stdin?.on("error", () => undefined);
  const { home, userHome, closedPorts = [] } = options;
  const start: ProxyStart = { home, userHome, closedPorts, environment: secretEnvironment(options.environment) };
  child.stdin?.end(`${JSON.stringify(start)}\n`);
  child.unref();
  return { hasExited: () => hasExited };
}

/** What anybody who reads the process's environment may see. */
function ownEnvironment(environment: StartProxyOptions["environment"]): NodeJS.ProcessEnv {
  const names = [
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "NODE_COMPILE_CACHE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
  ];
  return keeperEnvironment(Object.fromEntries(names.map((name) => [name, environment[name]])));
}

function secretEnvironment(environment: StartProxyOptions["environment"]): Record<string, string> {
  const names = new Set([...passedVariables, ...knownSecrets.flatMap(({ variables }) => variables)]);
  const entries = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && (names.has(entry[0]) || entry[0].startsWith("OP_")),
  );
  return Object.fromEntries(entries);
}

interface Waiting {
  readonly fulfil: (result: unknown) => void;
  readonly fail: (error: Error) => void;
}

function createClient(home: string, socket: Socket): ProxyClient {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const lines = createInterface({ input: socket });
  // The socket's own end tells.
  lines.on("error", () => undefined);
  lines.on("line", (line) => {
    const answer = readWhole(line) as ControlAnswer | undefined;
    if (answer === undefined) return;
    const waiter = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ("error" in answer) waiter?.fail(errorFromJson(answer.error));
    else waiter?.fulfil(answer.result);
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    for (const { fail } of waiting.values()) fail(gone());
    waiting.clear();
    end();
  });
  const close = (): void => {
    socket.destroy();
  };
  return {
    async call(method, parameters) {
      if (socket.destroyed) throw gone();
      lastId += 1;
      const id = lastId;
      const result = new Promise<unknown>((fulfil, fail) => waiting.set(id, { fulfil, fail }));
      socket.write(`${JSON.stringify({ id, method, parameters })}\n`);
      return (await result) as ReturnType<ControlMethods[typeof method]>;
    },
    follow: async (from = { since: 0 }, { signal } = {}) => followEvents(home, from, signal),
    ended,
    close,
    async [Symbol.asyncDispose]() {
      close();
    },
  };
}

async function followEvents(home: string, from: EventPosition, signal?: AbortSignal): Promise<FollowedEvents> {
  signal?.throwIfAborted();
  const socket = connect(proxyProcessPaths(home).controlSocket);
  const leave = (): void => void socket.destroy();
  signal?.addEventListener("abort", leave, { once: true });
  socket.on("error", leave);
  socket.write(`${JSON.stringify({ id: 0, method: "events", parameters: from })}\n`);
  const lines = createInterface({ input: socket });
  lines.on("error", () => undefined);
  socket.once("close", () => {
    signal?.removeEventListener("abort", leave);
    // Of a socket that is destroyed they see no end.
    lines.close();
  });
  const each = lines[Symbol.asyncIterator]();
  const first = await each.next();
  if (first.done === true) throw gone();
  const answer = readWhole(first.value) as ControlAnswer | undefined;
  if (answer === undefined) throw gone();
  if ("error" in answer) throw errorFromJson(answer.error);
  return { ...(answer.result as FollowStart), events: eventsOf(socket, each) };
}

async function* eventsOf(socket: Socket, lines: AsyncIterator<string>): AsyncGenerator<ControlEvent, void, void> {
  try {
    for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
      const event = readWhole(line.value) as ControlEvent | undefined;
      if (event === undefined) return;
      yield event;
    }
  } finally {
    socket.destroy();
  }
}

function gone(): DaemonError {
  return new DaemonError({ message: "The proxy has ended", fix: ["try again: the daemon starts it anew"] });
}
