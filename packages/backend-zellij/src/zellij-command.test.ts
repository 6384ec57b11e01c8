import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { CommandResult, CommandRunner } from "@clauderon/core/contract";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ZellijCommand } from "./zellij-command.ts";
import { ZellijGate } from "./zellij-gate.ts";
import { ZellijSession } from "./zellij-session.ts";

const name = "clauderon-fix";
const alive = `other [Created 1s ago] \n${name} [Created 1s ago] \n`;
const pane = { id: 0, is_plugin: false, terminal_command: "/state/one/run", pane_content_rows: 9 };

const said = (stdout: string): CommandResult => ({ exitCode: 0, stdout, stderr: "" });
const panes = said(JSON.stringify([pane]));
const nothing = said("");
const noneActive: CommandResult = { exitCode: 1, stdout: "", stderr: "There is no active session!\n" };
const notFound: CommandResult = {
  exitCode: 1,
  stdout: "",
  stderr: `Session '${name}' not found. The following sessions are active:\nother\n`,
};
const notNamed: CommandResult = { exitCode: 1, stdout: `No session named "${name}" found.\n`, stderr: "" };

/** What zellij 0.44.3 was seen to say of a living session, to commands that came just when others left. */
describe("a zellij that is wrong about a living session", () => {
  let directory: string;
  let socket: string;
  let asked: string[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "command-"));
    socket = join(directory, "contract_version_1", name);
    await mkdir(join(socket, ".."));
    await writeFile(socket, "");
    asked = [];
  });
  afterEach(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));

  /** Gives these answers, and the last one ever after. */
  const command = (...answers: readonly [CommandResult, ...CommandResult[]]): ZellijCommand => {
    const rest = [...answers];
    const runner: CommandRunner = {
      run: async (_program, args) => {
        asked.push(args.join(" "));
        const next = (rest.length > 1 ? rest.shift() : rest[0]) ?? answers[0];
        return next;
      },
      stream: () => {
        throw new Error("nothing is streamed");
      },
    };
    const environment = { ZELLIJ_SOCKET_DIR: directory, HOME: directory };
    return new ZellijCommand({ runner, program: "/bin/zellij", environment, gate: new ZellijGate() });
  };
  const session = (zellij: ZellijCommand, mark = "/state/other"): ZellijSession => {
    const places = { ZELLIJ_SOCKET_DIR: directory, HOME: directory };
    const record = { sandboxId: "i", instanceId: "j", name: "fix", workspacePath: directory, places };
    return new ZellijSession(record, zellij, mark);
  };

  it("finds it", async () => {
    expect(await command(said("other [Created 1s ago] \n"), noneActive, said(alive)).find(name)).toEqual({
      name,
      isExited: false,
    });
    expect(asked).toHaveLength(3);
  });

  it("finds it where what was kept of an earlier one is listed instead", async () => {
    const kept = said(`${name} [Created 1s ago] (EXITED - attach to resurrect)\n`);
    expect(await command(kept, said(alive)).find(name)).toEqual({ name, isExited: false });
  });

  it("asks once for one that is not there", async () => {
    await rm(socket);
    expect(await command(noneActive).find(name)).toBeUndefined();
    expect(await command(notFound).panes(name)).toBeUndefined();
    expect(asked).toHaveLength(2);
  });

  it("does not take for free the name of somebody's session that is not listed", async () => {
    expect(await session(command(noneActive, said(alive), panes)).owner(undefined)).toBe("foreign");
    expect(await session(command(noneActive)).owner(undefined)).toBe("foreign");
  });

  it("does not take ours for somebody's", async () => {
    const zellij = command(noneActive, said(alive), nothing, notFound, noneActive, panes);
    expect(await session(zellij, "/state/one").owner(undefined)).toBe("ours");
  });

  it.each([
    ["it is not found", notFound],
    ["none is active", noneActive],
    ["nothing", nothing],
  ])("has the panes and the text although it was told: %s", async (_title, wrong) => {
    expect(await command(wrong, wrong, panes).panes(name)).toHaveLength(1);
    expect(await command(wrong, wrong, said("words\n")).text(name, 0)).toBe("words\n");
  });

  it("takes an empty line for the text of an empty pane", async () => {
    expect(await command(said("\n"), said("words\n")).text(name, 0)).toBe("\n");
  });

  it("writes once", async () => {
    expect(await command(notFound, nothing).write(name, 0, "words")).toBe(true);
    expect(asked).toHaveLength(2);
    expect(await command(nothing).write(name, 0, "words")).toBe(true);
    expect(asked).toHaveLength(3);
  });

  it("ends it", async () => {
    await command(notNamed, nothing).kill(name);
    expect(asked).toEqual([`kill-session ${name}`, `kill-session ${name}`]);
  });
});
