import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { beforeAll, expect, test } from "vitest";

import { attackedDaemon, close, expectNoneThrough, json, type Attack } from "./attack.ts";
import { head, rawRequest } from "./raw-http.ts";

const daemon = attackedDaemon();
const { host, token } = daemon;

/** A program that leaves word of every run. */
const program = (): string => path.join(daemon.rig.root, "canary-program");
const word = (): string => path.join(daemon.rig.root, "canary-was-run");
/** A file that only an option taken for one would write. */
const file = (): string => path.join(daemon.rig.root, "canary-file");

beforeAll(() => {
  writeFileSync(program(), `#!/bin/sh\necho "$0 $*" >> '${word()}'\n`, { mode: 0o755 });
});

const git = (...args: readonly string[]): string =>
  execFileSync("git", ["-C", daemon.rig.repository, ...args], { encoding: "utf8" });

/** What must be as before: configuration, references, worktrees and files of the repository. */
const repositoryState = (): unknown => [
  readFileSync(path.join(daemon.rig.repository, ".git", "config"), "utf8"),
  git("for-each-ref", "--format=%(refname) %(objectname)"),
  git("worktree", "list", "--porcelain"),
  git("status", "--porcelain", "--ignored"),
];

/** Canaries by any name, wherever a relative path could lead. */
const canaries = (): readonly string[] =>
  [daemon.rig.root, daemon.rig.home, daemon.rig.repository, process.cwd()].flatMap((directory) =>
    readdirSync(directory).filter((name) => name.includes("canary") && name !== path.basename(program())),
  );

type Field = "repository" | "base" | "branch" | "name" | "backend" | "image" | "agent";

/** Options and programs where a value is expected. */
const injections = (): readonly (readonly [Field, string])[] => [
  ["repository", `--upload-pack=${program()}`],
  ["repository", `-u${program()}`],
  ["repository", `-oProxyCommand=${program()}`],
  ["repository", `--config=core.sshCommand=${program()}`],
  ["repository", `-ccore.fsmonitor=${program()}`],
  ["repository", `--separate-git-dir=${file()}`],
  ["repository", `--template=${file()}`],
  ["repository", `ext::${program()}`],
  ["repository", `ext::sh -c touch% ${file()}`],
  ["repository", `fd::17/${file()}`],
  ["repository", `ssh://-oProxyCommand=${program()}/x`],
  ["repository", `ssh://x@-oProxyCommand=${program()}/x`],
  ["repository", `-oProxyCommand=${program()}:x`],
  ["repository", `x@-oProxyCommand=${program()}:x`],
  ["repository", "file:///etc"],
  ["repository", "https://example.invalid/a\nhost=evil.example"],
  ["repository", "https://example.invalid/a%0ahost=evil.example"],
  ["repository", "https://example.invalid/a%0Ahost=evil.example"],
  ["repository", "https://example.invalid/a%0d%0aX: y"],
  ["repository", "https://example.invalid/a\u0000b"],
  ["repository", "https://example.invalid%0ahost=evil.example/a"],
  ["repository", "https://user%0ahost=evil.example@example.invalid/a"],
  ["base", `--output=${file()}`],
  ["base", "--output=canary"],
  ["base", `-c core.hooksPath=${program()}`],
  ["base", `--exec=${program()}`],
  ["base", "-"],
  ["base", "--"],
  ["base", "--all"],
  ["base", "HEAD\u0000--all"],
  ["branch", "--force"],
  ["branch", "-D main"],
  ["branch", "-f"],
  ["branch", "--orphan=canary"],
  ["branch", `--upload-pack=${program()}`],
  ["branch", "refs/heads/../../canary"],
  ["branch", "main\nmain"],
  ["name", "-rf"],
  ["name", "--"],
  ["name", `--upload-pack=${program()}`],
  ["name", `--config=${file()}`],
  ["name", "ext::sh"],
  ["name", "a%0ab"],
  ["backend", "--privileged"],
  ["backend", "../../canary"],
  ["image", "--privileged"],
  ["image", "-v/:/host"],
  ["image", "--network=container:x"],
  ["agent", "--version"],
  ["agent", `../..${program()}`],
];

const hasLineEnd = (value: string): boolean => /[\n\r\0]|%0[ad]/i.test(value);

test("a canary's option fires when git takes it for one", () => {
  spawnSync("git", ["clone", "--quiet", `--upload-pack=${program()}`, daemon.rig.repository, file()]);
  expect(existsSync(word())).toBe(true);
  rmSync(word());
  rmSync(file(), { recursive: true, force: true, maxRetries: 10 });
});

test("nothing that looks like an option or a program is taken for one at creation", async () => {
  const before = repositoryState();
  const table = injections().map(([field, value]): Attack => ({
    id: hasLineEnd(value) ? "D12" : "D11",
    what: `${field} ${JSON.stringify(value)}`,
    request: () => {
      const request = { repository: daemon.rig.repository, name: "injected", agent: "fake", [field]: value };
      return head("POST /api/sessions", [host(), token(), json, close], JSON.stringify(request));
    },
    status: [400, 409, 422],
  }));
  expect(table.length).toBeGreaterThanOrEqual(50);
  await expectNoneThrough(daemon, table);
  expect(canaries()).toEqual([]);
  expect(repositoryState()).toEqual(before);
  expect(readdirSync(path.join(daemon.rig.home, "worktrees"), { recursive: true })).toEqual([]);
}, 120_000);

test("nor in a session", async () => {
  const { rig } = daemon;
  await using session = await rig.client.sessions.create(
    { repository: rig.repository, name: "safe", agent: "fake" },
    { ephemeral: true },
  );
  const before = repositoryState();
  const ask = async (line: string, body = ""): Promise<number> =>
    (await rawRequest(head(line, [host(), token(), json, close], body), { port: rig.port, deadlineMs: 30_000 })).status;
  const bases = [
    `--output=${file()}`,
    `--ext-diff`,
    "-",
    "--",
    "--no-index",
    `-O${file()}`,
    "HEAD\n--all",
    "HEAD\u0000",
  ];
  for (const base of bases) {
    const query = new URLSearchParams({ base }).toString();
    expect([base, await ask(`GET /api/sessions/safe/diff?${query}`)]).toEqual([base, 422]);
  }
  for (const format of ["--output=canary", "-p", "patch --ext-diff"]) {
    const query = new URLSearchParams({ format }).toString();
    expect(await ask(`GET /api/sessions/safe/diff?${query}`)).toBe(400);
  }
  for (const reference of ["-rf", "--all", "--upload-pack=x", "%2d%2dall", "ext::sh"]) {
    expect(await ask(`GET /api/sessions/${reference}`)).toBe(404);
    expect(await ask(`DELETE /api/sessions/${reference}`, "{}")).toBe(404);
  }
  // A command's name is a name: no shell, no option of whatever starts it.
  for (const name of ["-c", "--version", "--help", `-c touch ${file()}`, `$(touch ${file()})`])
    expect([name, (await session.exec([name])).exitCode]).toEqual([name, 127]);
  expect(canaries()).toEqual([]);
  expect(repositoryState()).toEqual(before);
}, 120_000);
