import { randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

import { type ProcessHandle, type Sandbox, WorkspaceError } from "@clauderon/core/contract";

import { type AnswerTimer, createAnswerTimer } from "./answer-timer.ts";
import { watchPack } from "./watch-pack.ts";

export interface SandboxGitOptions {
  readonly sandbox: Pick<Sandbox, "exec">;
  /** Git directory inside the sandbox. */
  readonly directory: string;
  /** What the sandbox may do for the one connection. */
  readonly service: "git-upload-pack" | "git-receive-pack";
  /** `KEY=VALUE` for the git that does it. */
  readonly settings?: readonly string[] | undefined;
  /** More than this from the sandbox ends the connection. */
  readonly maxBytes: number;
  /** With `git-upload-pack`: a pack that names more is not handed on. */
  readonly maxObjects?: number | undefined;
  /** With `git-upload-pack`: more than this besides packs ends the connection. */
  readonly maxNameBytes?: number | undefined;
  /** With `git-upload-pack`: so long may an answer that is due say nothing. Git sends something every 5 s while it works. */
  readonly stallMs?: number | undefined;
  readonly signal: AbortSignal;
}

/** One way into the sandbox's git for a git of this machine. */
export interface SandboxGit extends AsyncDisposable {
  /** Where this machine's git finds it; to be kept out of arguments, as it lets in. */
  readonly url: string;
  /** Why the connection was ended from this side, or what the sandbox's git complained about. */
  failure(): WorkspaceError | undefined;
}

const MAX_REQUEST_BYTES = 1024;
const MAX_COMPLAINT_BYTES = 4096;
const GRACE_MS = 5000;

/**
 * Git's own transport (gitprotocol-pack(5), "Git Transport") on a port of loopback that knows one secret and serves one connection; its other end is git
 * inside the sandbox. No program of this machine is started for it.
 */
export async function serveSandboxGit(options: SandboxGitOptions): Promise<SandboxGit> {
  const secret = randomBytes(24).toString("hex");
  const sockets = new Set<Socket>();
  const running = new Set<Promise<void>>();
  let failure: WorkspaceError | undefined;
  const server = createServer((socket) => {
    sockets.add(socket);
    let hasGitEnded = false;
    const onEnd = (): void => {
      hasGitEnded = true;
    };
    socket.on("error", onEnd);
    socket.on("close", onEnd);
    const serving = (async (): Promise<void> => {
      try {
        const isTheOne = await isAskedFor(socket, secret, options.service);
        if (!isTheOne) return;
        server.close();
        await carry(socket, options);
      } catch (error) {
        // Of an end of git's on this machine its own words tell more.
        if (!hasGitEnded || error instanceof WorkspaceError) failure ??= asFailure(error);
      } finally {
        socket.destroy();
        sockets.delete(socket);
      }
    })();
    running.add(serving);
    void serving.finally(() => running.delete(serving));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `git://127.0.0.1:${String(port)}/${secret}`,
    failure: () => failure,
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await Promise.all(running);
    },
  };
}

/** Reads the request and nothing more: what follows belongs to the sandbox. */
async function isAskedFor(socket: Socket, secret: string, service: string): Promise<boolean> {
  const length = Number.parseInt((await exactly(socket, 4))?.toString("latin1") ?? "", 16);
  if (!(length > 4 && length <= MAX_REQUEST_BYTES)) return false;
  const request = (await exactly(socket, length - 4))?.toString("latin1") ?? "";
  const [asked = ""] = request.split("\0");
  const [given, wanted] = [Buffer.from(asked), Buffer.from(`${service} /${secret}`)];
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

async function exactly(socket: Socket, count: number): Promise<Buffer | undefined> {
  for (;;) {
    const chunk: unknown = socket.read(count);
    if (chunk instanceof Buffer) return chunk.length === count ? chunk : undefined;
    if (socket.readableEnded || socket.destroyed) return undefined;
    const changed = new AbortController();
    const { signal } = changed;
    try {
      await Promise.race([once(socket, "readable", { signal }), once(socket, "close", { signal })]);
    } finally {
      changed.abort();
    }
  }
}

async function carry(
  socket: Socket,
  { sandbox, directory, service, settings = [], signal: given, ...limits }: SandboxGitOptions,
): Promise<void> {
  using timer = createAnswerTimer(limits.stallMs, syncFailed);
  const signal = AbortSignal.any([given, timer.signal]);
  const options = service === "git-upload-pack" ? ["--strict"] : [];
  // Hooks of the agent's are for its own commits; one that fails would keep the user's out.
  const quiet = ["core.hooksPath=/dev/null", ...settings].flatMap((setting) => ["-c", setting]);
  const handle = await sandbox.exec(["git", ...quiet, service.slice("git-".length), ...options, directory], {
    stdin: "pipe",
    environment: { GIT_PROTOCOL: "version=2" },
    signal,
  });
  const complaint = readComplaint(handle);
  try {
    timer.waits();
    void sendInto(handle, socket, timer);
    const { maxBytes, maxObjects, maxNameBytes } = limits;
    const watch = maxObjects === undefined ? undefined : watchPack(maxObjects, maxNameBytes);
    await receive(handle, socket, { maxBytes, watch, timer, signal });
    // Its output has ended; one that then stays is not waited for.
    const soon = AbortSignal.any([signal, AbortSignal.timeout(GRACE_MS)]);
    const { exitCode } = await abortable(handle.exit, soon);
    if (exitCode !== 0) throw refusedInside(exitCode, await abortable(complaint, soon));
  } finally {
    await handle.kill("SIGKILL").catch(() => {
      // The sandbox is gone, and all in it.
    });
  }
}

/** Ends with either side; never rejects. */
async function sendInto({ stdin }: ProcessHandle, socket: Socket, timer: AnswerTimer): Promise<void> {
  const writer = stdin.getWriter();
  try {
    for await (const chunk of socket) {
      timer.asked();
      await writer.write(chunk as Buffer);
    }
    await writer.close();
  } catch {
    // One side has ended: the sandbox's output and its exit tell the rest.
  }
}

async function receive(
  { stdout }: ProcessHandle,
  socket: Socket,
  {
    maxBytes,
    watch,
    timer,
    signal,
  }: {
    readonly maxBytes: number;
    readonly watch: ReturnType<typeof watchPack> | undefined;
    readonly timer: AnswerTimer;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const reader = stdout.getReader();
  const closed = new AbortController();
  socket.once("close", () => closed.abort(new Error("git of this machine has ended")));
  const either = AbortSignal.any([signal, closed.signal]);
  let bytes = 0;
  for (;;) {
    const { done, value } = await abortable(reader.read(), either);
    if (done) break;
    timer.heard(value);
    bytes += value.length;
    if (bytes > maxBytes) throw tooMuch(maxBytes);
    const refusal = watch?.(value);
    if (refusal !== undefined)
      throw refusal.setting === undefined ? syncFailed(refusal.why) : overLimit(refusal.why, refusal.setting);
    if (!socket.write(value)) await once(socket, "drain", { signal: either });
    timer.waits();
  }
  socket.end();
}

async function abortable<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** The last of it; as text of the sandbox it may hold anything. */
async function readComplaint({ stderr }: ProcessHandle): Promise<string> {
  let text = "";
  try {
    const decoder = new TextDecoder();
    for await (const chunk of stderr as unknown as AsyncIterable<Uint8Array>)
      text = (text + decoder.decode(chunk, { stream: true })).slice(-MAX_COMPLAINT_BYTES);
  } catch {
    // The connection is gone: what was read until then is all there is.
  }
  return text;
}

/** Without anything that a terminal would obey. */
export function printable(text: string): string {
  return text
    .replaceAll(/[^\P{C}\n]/gu, "?")
    .trim()
    .split("\n")
    .slice(-5)
    .join("; ")
    .slice(0, 500);
}

function refusedInside(exitCode: number, complaint: string): WorkspaceError {
  return syncFailed(`git inside the sandbox ended with exit code ${String(exitCode)}`, printable(complaint));
}

function tooMuch(maxBytes: number): WorkspaceError {
  return overLimit(`the sandbox sent more than ${String(Math.floor(maxBytes / 1024 / 1024))} MiB`, "sync_size");
}

function asFailure(error: unknown): WorkspaceError {
  if (error instanceof WorkspaceError) return error;
  return syncFailed(
    "the connection to the sandbox was lost",
    printable(error instanceof Error ? error.message : String(error)),
  );
}

export function syncFailed(why: string, complaint = "", cause?: unknown): WorkspaceError {
  return refused(complaint === "" ? why : `${why}: ${complaint}`, {
    fix: ["try again; nothing was changed", "see whether git works inside: clauderon attach NAME"],
    cause,
  });
}

/** Of what is more than `setting` allows. */
export function overLimit(
  why: string,
  setting: "sync_size" | "sync_objects" | "sync_refs" | "sync_timeout",
): WorkspaceError {
  return refused(why, {
    fix: [
      "see what it is: clauderon attach NAME, and git count-objects -v or git for-each-ref there; nothing was changed",
      `or allow more: clauderon config set workspace.${setting} …, then clauderon daemon restart`,
    ],
  });
}

function refused(
  why: string,
  { fix, cause }: { readonly fix: readonly [string, ...string[]]; readonly cause?: unknown },
): WorkspaceError {
  return new WorkspaceError({
    code: "workspace.sync-failed",
    message: "The session's commits could not be brought out of its sandbox",
    why,
    fix,
    context: {},
    ...(cause === undefined ? {} : { cause }),
  });
}
