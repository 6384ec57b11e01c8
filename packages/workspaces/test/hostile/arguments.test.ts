import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { ClauderonError, type WorkspaceRequest } from "@clauderon/core/contract";
import { expect, it } from "vitest";

import { type Fixture, fixture, made, snapshot } from "../git-fixture.ts";

/** Options, transports and encodings that turn a name into something else. */
function hostileWords(program: string, file: string): readonly string[] {
  return [
    "-",
    "--",
    "-x",
    "--all",
    `--upload-pack=${program}`,
    `--receive-pack=${program}`,
    `--exec=${program}`,
    `--output=${file}`,
    `--config=core.sshCommand=${program}`,
    `-ccore.fsmonitor=${program}`,
    `-c core.sshCommand=${program}`,
    `--separate-git-dir=${file}`,
    `--template=${file}`,
    `-u${program}`,
    `-oProxyCommand=${program}`,
    "main --output=x",
    "main\n--all",
    "main\0--all",
    "main\r",
    "",
    " ",
    "..",
    "../..",
    "../../outside",
    "/etc",
    "a/../../../outside",
    "refs/heads/../../config",
    ":(top)",
    "@{-1}",
    "main..side",
    `$(${program})`,
    `\`${program}\``,
    `|${program}`,
    "\u001b[2J",
  ];
}

function hostileAddresses(program: string): readonly string[] {
  return [
    `ext::${program}`,
    `ext::sh -c ${program}`,
    "fd::17",
    `transport::${program}`,
    `--upload-pack=${program}://x`,
    `-oProxyCommand=${program}@host:x`,
    `ssh://-oProxyCommand=${program}/x`,
    `ssh://%2doProxyCommand=${program}/x`,
    `ssh://user@-oProxyCommand=${program}/x`,
    `git@-oProxyCommand=${program}:x`,
    `git@host:--upload-pack=${program}`,
    "https://example.invalid%0ahost=other/x",
    "https://example.invalid/%0d%0ahost=other",
    "https://example.invalid/%00",
    "https://example.invalid/a\nhost=other",
    "https://example.invalid/a\r\nhost=other",
    "git://example.invalid/x",
    "ftp://example.invalid/x",
    "HTTPS+EXT://example.invalid/x",
  ];
}

interface Canary {
  readonly program: string;
  readonly file: string;
  readonly sang: () => boolean;
}

function canary(world: Fixture): Canary {
  const trace = join(world.root, "sang");
  const program = join(world.root, "canary");
  const file = join(world.root, "written");
  writeFileSync(program, `#!/bin/sh\n: > '${trace}'\n`, { mode: 0o755 });
  return { program, file, sang: () => existsSync(trace) || existsSync(file) };
}

async function refused(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return false;
  } catch (error) {
    return ClauderonError.isInstance(error) && error.fix.length > 0;
  }
}

it("addresses that begin an option or name a program: none goes through", { timeout: 60_000 }, async () => {
  const world = fixture();
  const { program, sang } = canary(world);
  const through: string[] = [];
  for (const address of hostileAddresses(program))
    if (!(await refused(() => world.provider.resolve(address)))) through.push(address);
  expect(through).toEqual([]);
  expect(sang()).toBe(false);
  expect(existsSync(join(world.home, "repositories"))).toBe(false);
});

it("words as repository, name, base, branch, prefix and id: none goes through", { timeout: 120_000 }, async () => {
  const world = fixture();
  const { program, file, sang } = canary(world);
  mkdirSync(join(world.root, "outside"));
  const { record, request } = await made(world);
  const before = snapshot(join(world.repository, ".git"));
  const places: Readonly<Record<string, (word: string) => Promise<unknown>>> = {
    repository: (word) => world.provider.resolve(word === "" ? word : join(world.root, "none", `./${word}`)),
    name: (name) => world.provider.plan(fresh(request, { name })),
    branch: (branch) => world.provider.plan(fresh(request, { branch })),
    base: (base) => world.provider.plan(fresh(request, { base })),
    "base of a diff": (base) => world.provider.diff(record, { base }),
    "undo record": (id) => world.provider.undoRecords.restore(id, { sessionId: "other", name: "other" }),
  };
  const through: string[] = [];
  for (const [place, use] of Object.entries(places))
    for (const word of hostileWords(program, file))
      // A path that goes up is a path all the same: what counts is that it is read as one.
      if (!(place === "repository" && /^\.\.|\/\.\.\//u.test(word)) && !(await refused(() => use(word))))
        through.push(`${place}: ${JSON.stringify(word)}`);
  for (const id of hostileWords(program, file)) await world.provider.undoRecords.remove(id);
  expect(through).toEqual([]);
  expect(sang()).toBe(false);
  expect(snapshot(join(world.repository, ".git"))).toEqual(before);
  expect(readdirSync(world.root).filter((name) => name === "outside")).toEqual(["outside"]);
  expect(readdirSync(join(world.home, "worktrees"))).toEqual(["fix"]);
});

function fresh(request: WorkspaceRequest, given: Partial<WorkspaceRequest>): WorkspaceRequest {
  return { ...request, sessionId: "session-fresh", name: "fresh", ...given };
}
