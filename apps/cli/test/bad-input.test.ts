import { access, cp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { fakeAgentPath } from "@clauderon/core/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { eventually } from "./eventually.ts";
import { Installation } from "./installation.ts";
import { refused } from "./refused.ts";
import type { Ran } from "./run-program.ts";

// What people get wrong, and what goes wrong around them. Each row: the message, the exit code, and that nothing was lost or left.
// A daemon of another version: version-mismatch.test.ts; full disks and floods: bad-input.proof.test.ts.

const SLOW = 120_000;
let here: Installation;

beforeAll(async () => {
  here = await Installation.create();
  const agents = {
    fake: [process.execPath, fakeAgentPath()],
    missing: ["/no/such/agent"],
    exits: ["sh", "-c", "exit 3"],
    stubborn: ["sh", "-c", "trap '' TERM HUP INT; echo ready; while :; do sleep 1; done"],
  };
  const tables = Object.entries(agents).map(
    ([name, command]) => `[agents.${name}]\ncommand = ${JSON.stringify(command)}\n`,
  );
  const path = join(here.home, "config.toml");
  await writeFile(path, `${await readFile(path, "utf8")}${tables.join("")}`);
  expect((await here.call(["create", "kept"])).code).toBe(0);
}, SLOW);

afterAll(async () => {
  await here[Symbol.asyncDispose]();
}, SLOW);

describe("words that are wrong", { timeout: SLOW }, () => {
  test.each<readonly [string, readonly string[], number, string]>([
    ["a misspelt option", ["list", "--jsn"], 2, "--json"],
    ["a value that is missing", ["create", "x", "--base"], 2, "--base needs a value"],
    ["a name with /", ["create", "a/b"], 2, "it contains /"],
    ["the name ..", ["create", ".."], 2, "it contains .."],
    ["a name of 256 characters", ["create", "a".repeat(256)], 2, "63 are the most"],
    ["a name with an emoji", ["create", "fix\u{1F680}"], 2, "use for example fix"],
    ["a name with a leading -", ["create", "-x"], 2, "no option -x"],
    ["a base that does not exist", ["create", "x", "--base", "nowhere"], 1, "workspace.base-not-found"],
    ["a repository that does not exist", ["create", "x", "--repo", "/no/such/place"], 1, "repository.not-found"],
    ["a base that is an option", ["create", "x", "--base=--output=/tmp/x"], 1, "workspace.base-not-found"],
    ["a branch that is an option", ["create", "x", "--branch=-x"], 1, "workspace.base-not-found"],
    ["an address that names a program", ["create", "x", "--repo", "ext::sh -c x"], 1, "repository.not-found"],
    [
      "an address with an option of ssh",
      ["create", "x", "--repo", "ssh://-oProxyCommand=x/y"],
      1,
      "starts with a dash",
    ],
    ["an address with a line feed", ["create", "x", "--repo", "https://h%0ahost=o/x"], 1, "control character"],
    ["a base of a diff that is an option", ["diff", "kept", "--base=--output=/tmp/x"], 1, "workspace.base-not-found"],
    ["a session that does not exist", ["status", "kep"], 3, "kep"],
  ])("%s", async (...[, argv, code, text]) => {
    refused(await here.cli(argv), code, text);
    expect(await here.names()).toEqual(["kept"]);
  });
});

test("what is wrong without asking a daemon starts none", { timeout: SLOW }, async () => {
  const home = join(here.directory, "untouched");
  const environment = { CLAUDERON_HOME: home };
  refused(await here.cli(["create", ".."], { environment }), 2, "it contains ..");
  refused(await here.call(["create", "x", "--memory-limit", "much"], environment), 2, "--memory-limit");
  refused(await here.call(["create", "x", "-p", "a".repeat(1024 * 1024 + 1)], environment), 2, "1048576");
  await expect(access(home)).rejects.toThrow("ENOENT");
});

describe("the prompt", { timeout: SLOW }, () => {
  const QUOTED = "say \"a\" 'b' $(id) `id` $HOME \\ %s\n\n\tsecond -- line\r\n \u{1F680} last ";

  test("with quotes and newlines arrives byte for byte", async () => {
    const log = join(here.directory, "quoted.log");
    const created = await here.cli(["create", "quoted", "--agent", "fake", "--prompt-file", "-"], {
      input: QUOTED,
      environment: { FAKE_AGENT_LOG: log },
    });
    expect(created.code).toBe(0);
    expect(await promptIn(log)).toBe(QUOTED);
    expect((await here.call(["delete", "quoted", "--discard"])).code).toBe(0);
  });

  test("of 1 MiB reaches the agent whole, as a file it is told to read", async () => {
    const text = `${"line \"q\" 'r' $HOME `x` \\\n".repeat(50_000).slice(0, 1024 * 1024 - 1)}z`;
    expect(Buffer.byteLength(text)).toBe(1024 * 1024);
    const log = join(here.directory, "large.log");
    const created = await here.cli(["create", "large", "--agent", "fake", "--prompt-file", "-"], {
      input: text,
      environment: { FAKE_AGENT_LOG: log },
    });
    expect(created.code).toBe(0);
    const [, path = ""] = /in the file (\S+)\. /.exec(await promptIn(log)) ?? [];
    expect((await readFile(path, "utf8")) === text).toBe(true);
    expect((await here.call(["delete", "large", "--discard"])).code).toBe(0);
  });

  test("one byte more, or with NUL, is refused", async () => {
    const input = "x".repeat(1024 * 1024 + 1);
    refused(await here.cli(["create", "x", "--prompt-file", "-"], { input }), 2, "1048576");
    refused(await here.cli(["create", "x", "--prompt-file", "-"], { input: "a\0b" }), 2, "NUL");
    expect(await here.names()).toEqual(["kept"]);
  });

  function promptIn(log: string): Promise<string> {
    return eventually(async () => {
      const entries = (await readFile(log, "utf8")).split("\n").filter((line) => line.includes('"event":"prompt"'));
      expect(entries.length).toBeLessThan(2);
      return entries[0] === undefined ? undefined : (JSON.parse(entries[0]) as { readonly prompt: string }).prompt;
    }, "the prompt at the agent");
  }
});

test("a repository that is gone: its session can be seen, executed in and deleted", { timeout: SLOW }, async () => {
  const copy = join(here.directory, "copy");
  await cp(here.repository, copy, { recursive: true });
  expect((await here.call(["create", "orphan", "--repo", copy])).code).toBe(0);
  expect((await here.call(["list"])).code).toBe(0);
  await rm(copy, { recursive: true });

  refused(await here.cli(["create", "x", "--repo", copy]), 1, "repository.not-found");
  expect(await here.names()).toEqual(["kept", "orphan"]);
  expect((await here.call(["status", "orphan"])).stdout).toContain(copy);
  refused(await here.cli(["diff", "orphan"]), 1, "workspace.missing");
  expect((await here.cli(["exec", "orphan", "--", "pwd"])).code).toBe(0);
  refused(await here.cli(["delete", "orphan"]), 7, "session.work-at-risk");
  expect((await here.call(["delete", "orphan", "--discard"])).code).toBe(0);
  expect(await here.names()).toEqual(["kept"]);
});

describe("agents", { timeout: SLOW }, () => {
  test("one that is missing: the session stays, failed, with the reason; nothing else does", async () => {
    refused(await here.cli(["create", "absent", "--agent", "missing"]), 1, "agent.not-found");
    expect((await here.call(["status", "absent"])).stdout).toMatch(/^state +failed/m);
    expect((await here.cli(["exec", "kept", "--", "git", "branch", "--list", "clauderon/absent"])).stdout).toBe("");
    expect((await here.call(["delete", "absent"])).code).toBe(0);
  });

  test("one that exits at once: failed, with its code", async () => {
    const { code } = await here.cli(["create", "brief", "--agent", "exits"]);
    expect([0, 1]).toContain(code);
    await eventually(
      async () => (/^state +failed/m.test((await here.call(["status", "brief"])).stdout) ? true : undefined),
      "the end of the agent",
    );
    expect((await here.call(["status", "brief"])).stdout).toMatch(/\b3\b/);
    expect((await here.call(["delete", "brief", "--discard"])).code).toBe(0);
  });

  test("one that ignores SIGTERM is ended by stop --timeout 1", async () => {
    expect((await here.call(["create", "stubborn", "--agent", "stubborn"])).code).toBe(0);
    await eventually(
      async () => ((await here.call(["logs", "stubborn"])).stdout.includes("ready") ? true : undefined),
      "the agent's word",
    );
    const startedMs = performance.now();
    expect((await here.cli(["stop", "stubborn", "--timeout", "1"])).code).toBe(0);
    expect(performance.now() - startedMs).toBeGreaterThan(1000);
    expect((await here.call(["status", "stubborn", "-q"])).stdout).toBe("stopped\n");
    expect((await here.call(["delete", "stubborn", "--discard"])).code).toBe(0);
  });
});

describe("the home", { timeout: SLOW }, () => {
  const listIn = (home: string): Promise<Ran> => here.cli(["list"], { environment: { CLAUDERON_HOME: home } });
  const newHome = async (config?: string): Promise<string> => {
    const home = join(here.directory, `h${Math.random().toString(36).slice(2)}`);
    await mkdir(home, { mode: 0o700 });
    if (config !== undefined) await writeFile(join(home, "config.toml"), config);
    return home;
  };

  test.each([
    ["not TOML", "[general\n", "config.toml:1: not TOML"],
    ["of a wrong type", '[daemon]\nport = "many"\n', "config.toml:2: wrong value for daemon.port"],
  ])("a configuration that is %s", async (_what, text, message) => {
    const home = await newHome(text);
    refused(await listIn(home), 1, message);
    expect(await readFile(join(home, "config.toml"), "utf8")).toBe(text);
  });

  test("a configuration that cannot be read", async () => {
    const home = await newHome();
    await mkdir(join(home, "config.toml"));
    refused(await listIn(home), 1, "settings.unreadable");
  });

  test("a file in its place", async () => {
    const file = join(here.directory, "a-file");
    await writeFile(file, "kept");
    refused(await listIn(file), 1, "settings.unreadable");
    expect(await readFile(file, "utf8")).toBe("kept");
  });

  test.runIf(process.platform === "linux")("where nothing can be made", async () => {
    const result = await listIn("/proc/clauderon");
    expect(result.stderr).toContain("/proc/clauderon cannot be written");
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code: 1, stdout: "" });
  });

  test("a token that is a link is not followed", async () => {
    const home = await newHome();
    const target = join(here.directory, "target");
    await writeFile(target, "kept");
    await symlink(target, join(home, "token"));
    const result = await listIn(home);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toMatch(/^ {2}fix: \S/m);
    expect(await readFile(target, "utf8")).toBe("kept");
  });
});
