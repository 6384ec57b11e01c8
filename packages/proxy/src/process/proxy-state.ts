import { readFile } from "node:fs/promises";
import { dirname } from "node:path";

import { SettingsError } from "@clauderon/core/contract";
import { makePrivateDirectory, parseJson, replaceFile } from "@clauderon/core/host";

import type { BudgetState } from "../budget/create-budget-keeper.ts";
import type { IdentityRecord } from "../transport/session-registry.ts";
import { proxyProcessPaths } from "./proxy-process-paths.ts";

/** What a restart of the proxy brings back; holds no token and no secret. */
export interface ProxyState {
  readonly port?: number | undefined;
  readonly sessions: Readonly<Record<string, KeptSession>>;
  readonly budget?: BudgetState | undefined;
}

export interface KeptSession extends IdentityRecord {
  /** The Unix socket that is this session's alone. */
  readonly socketPath?: string | undefined;
  /** Where its sandbox's carriers come in. */
  readonly channelDirectory?: string | undefined;
  /** As `parseBudget` reads it. */
  readonly limit?: string | undefined;
}

/** Keeps the state in one file, which every change replaces. */
export class ProxyStateFile {
  readonly #path: string;
  #state: ProxyState;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, state: ProxyState) {
    this.#path = path;
    this.#state = state;
  }

  static async load(path: string): Promise<ProxyStateFile> {
    await makePrivateDirectory(dirname(path));
    return new ProxyStateFile(path, await readProxyState(path));
  }

  get current(): ProxyState {
    return this.#state;
  }

  /** Resolves when the change is on the disk. */
  async change(change: (state: ProxyState) => ProxyState): Promise<void> {
    this.#state = change(this.#state);
    const written = this.#writing.then(async () => replaceFile(this.#path, JSON.stringify(this.#state)));
    // One that failed is told to its caller, and the next one is tried.
    this.#writing = written.catch(() => undefined);
    await written;
  }

  async changeSession(sessionId: string, session: KeptSession | undefined): Promise<void> {
    await this.change((state) => {
      const { [sessionId]: _before, ...others } = state.sessions;
      return { ...state, sessions: session === undefined ? others : { ...others, [sessionId]: session } };
    });
  }
}

/** The sessions that a home's proxy knows, also while it does not run; none when its state cannot be read. */
export async function keptSessions(home: string): Promise<readonly string[]> {
  const path = proxyProcessPaths(home).state;
  try {
    return Object.keys(read(await readFile(path, "utf8"), path).sessions);
  } catch {
    // There was no proxy yet, or the proxy itself says what is wrong when it starts.
    return [];
  }
}

/** The way of a session whose sandbox has a channel, also while the proxy does not run: the directory of its socket, and the proxy's port. */
export async function keptChannel(
  home: string,
  sessionId: string,
): Promise<{ readonly directory: string; readonly port: number } | undefined> {
  const path = proxyProcessPaths(home).state;
  try {
    const { sessions, port } = read(await readFile(path, "utf8"), path);
    const directory = Object.hasOwn(sessions, sessionId) ? sessions[sessionId]?.channelDirectory : undefined;
    return directory === undefined || port === undefined ? undefined : { directory, port };
  } catch {
    // As above.
    return undefined;
  }
}

/** Written by this program alone, whole or not at all: only its outline is looked at. */
function read(text: string, path: string): ProxyState {
  const value = parseJson(text, path);
  if (typeof value === "object" && value !== null && "sessions" in value) return value as ProxyState;
  throw new SettingsError({
    message: `The proxy's state in ${path} cannot be read`,
    fix: [`move ${path} away: running sessions then need a new token, which the daemon gives them when it starts`],
  });
}

/** What is kept; nothing is kept before the first start. */
export async function readProxyState(path: string): Promise<ProxyState> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? { sessions: {} } : read(text, path);
}
