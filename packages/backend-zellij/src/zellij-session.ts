import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { CallOptions } from "@clauderon/core/contract";

import type { KnownLaunch } from "./launches.ts";
import { type SandboxRecord, unlessMissing } from "./sandbox-records.ts";
import { isServerOf, looksLikeServerOf } from "./server-process.ts";
import { hasTraces } from "./session-traces.ts";
import type { ListedPane, ZellijCommand } from "./zellij-command.ts";
import { resurrectionDirectory } from "./zellij-environment.ts";
import { zellijSessionName } from "./zellij-errors.ts";

const KILL_MS = 3000;
const POLL_MS = 20;

/** Whose the zellij session of a sandbox's name is; `exited`: only what zellij keeps to resurrect it is there. */
export type SessionOwner = "nobody" | "ours" | "foreign" | "exited-ours" | "exited-foreign";

/** The zellij session of one sandbox. The name alone says nothing: ours is what runs a command with our path, or the server that our agent was born in. */
export class ZellijSession {
  readonly name: string;
  readonly #record: SandboxRecord;
  readonly #command: ZellijCommand;
  readonly #mark: string;

  constructor(record: SandboxRecord, command: ZellijCommand, directory: string) {
    this.name = zellijSessionName(record.name);
    this.#record = record;
    this.#command = command;
    this.#mark = directory;
  }

  async owner(launch: KnownLaunch | undefined, options?: CallOptions): Promise<SessionOwner> {
    const server = launch?.marks.processes?.server;
    if (server !== undefined && (await isServerOf(server, this.name))) return "ours";
    if (!(await hasTraces(this.#record.places, this.name))) return "nobody";
    const listed = await this.#command.find(this.name, options);
    if (listed === undefined) return "nobody";
    if (listed.isExited) return (await this.#isKeptOurs()) ? "exited-ours" : "exited-foreign";
    return (await this.pane(undefined, options)) === undefined ? "foreign" : "ours";
  }

  /** The pane of the launch, or of any launch of this sandbox. */
  async pane(launch: KnownLaunch | undefined, options?: CallOptions): Promise<ListedPane | undefined> {
    const panes = await this.#command.panes(this.name, options);
    return panes?.find((pane) => pane.command.includes(launch?.directory ?? this.#mark));
  }

  /** What the launch's pane shows and showed; `undefined` when it is gone. */
  async text(launch: KnownLaunch, options?: CallOptions): Promise<string | undefined> {
    const pane = await this.pane(launch, options);
    return pane === undefined ? undefined : await this.#command.text(this.name, pane.id, options);
  }

  /** Puts text into the launch's pane. Resolves with the portions it did not take: it is gone. */
  async write(launch: KnownLaunch, portions: readonly string[]): Promise<readonly string[]> {
    const pane = await this.pane(launch);
    if (pane === undefined) return portions;
    for (const [index, text] of portions.entries()) {
      if (!(await this.#command.write(this.name, pane.id, text))) return portions.slice(index);
    }
    return [];
  }

  /** Ends the session if it is ours, and removes what zellij kept of it. Nothing of it is left when it resolves. */
  async end(launch: KnownLaunch | undefined): Promise<void> {
    const owner = await this.owner(launch);
    if (owner === "nobody" || owner === "foreign" || owner === "exited-foreign") return;
    if (owner === "ours") {
      await this.#command.kill(this.name);
      await this.#ended(launch?.marks.processes?.server);
    }
    if ((await this.owner(launch)) === "exited-ours") await this.#command.delete(this.name);
  }

  async #ended(server: number | undefined): Promise<void> {
    const deadline = performance.now() + KILL_MS;
    const isThere = async (): Promise<boolean> =>
      server === undefined
        ? (await this.#command.find(this.name))?.isExited === false
        : looksLikeServerOf(server, this.name);
    while (await isThere()) {
      if (performance.now() > deadline) {
        if (server !== undefined && (await isServerOf(server, this.name))) process.kill(server, "SIGKILL");
        return;
      }
      await delay(POLL_MS);
    }
  }

  async #isKeptOurs(): Promise<boolean> {
    const path = join(resurrectionDirectory(this.#record.places, this.name), "session-layout.kdl");
    return ((await unlessMissing(readFile(path, "utf8"))) ?? "").includes(this.#mark);
  }
}
