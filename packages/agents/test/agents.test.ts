import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { createCommandRunner } from "@clauderon/core/host";
import { describe, expect, test } from "vitest";

import { createAgents } from "../src/index.ts";
import { AgentHome, agentNamed } from "./agent-home.ts";

const runner = createCommandRunner();

test("claude is first, the user's own come last; a table of no known agent needs a command", () => {
  const agents = createAgents({ runner, settings: { mine: { command: ["mine"] }, claude: {} } });
  expect(() => createAgents({ runner, settings: { codx: { trustWorktrees: true } } })).toThrow(
    expect.objectContaining({ code: "settings.invalid", message: "[agents.codx] has no command" }),
  );
  expect(agents.map((agent) => agent.agentId)).toEqual(["claude", "codex", "gemini", "mine"]);
});

describe.each(["claude", "codex", "gemini"])("%s", (name) => {
  test("is found with its path and version, or not at all", async () => {
    using home = new AgentHome();
    expect(await agentNamed(name).find(home.environment)).toBeUndefined();
    const program = home.program(name, "2.1.197");
    expect(await agentNamed(name).find(home.environment)).toEqual({ program, version: "2.1.197" });
  });

  test("leaves the repository's own settings alone: what it needs lies in the session's directory, which its flags name", async () => {
    using home = new AgentHome();
    home.program(name);
    const own = [".claude.json", ".claude/settings.json", ".codex/config.toml", ".gemini/settings.json"];
    for (const path of own) {
      mkdirSync(dirname(join(home.workspace, path)), { recursive: true });
      writeFileSync(join(home.workspace, path), "the repository's");
    }
    for (const isolation of ["none", "container"] as const) {
      const asked = { prompt: "x".repeat(300_000), permissionMode: "bypass", isolation } as const;
      const { argv, files } = await agentNamed(name).plan({
        ...home.request(asked),
        environment: { ...home.environment, IS_SANDBOX: "1" },
      });
      expect(argv.join(" ")).toContain(join(home.sessionDirectory, "prompt.md"));
      for (const { path } of files) expect(dirname(path).startsWith(home.sessionDirectory)).toBe(true);
    }
    expect(own.map((path) => readFileSync(join(home.workspace, path), "utf8"))).toEqual(
      own.map(() => "the repository's"),
    );
    expect(readdirSync(home.workspace).toSorted()).toEqual([".claude", ".claude.json", ".codex", ".gemini"]);
  });

  test("of an npm package it has the package's version, without being run", async () => {
    using home = new AgentHome();
    const directory = home.directory("lib", "node_modules", "agent", "bin");
    const program = join(directory, "agent.js");
    writeFileSync(program, "#!/bin/sh\nexit 1\n");
    chmodSync(program, 0o755);
    symlinkSync(program, join(home.programs, name));
    const manifest = (bin: unknown) => {
      writeFileSync(join(directory, "..", "package.json"), JSON.stringify({ version: "7.8.9", bin }));
    };
    manifest({ [name]: "bin/agent.js" });
    const found = { program: join(home.programs, name), version: "7.8.9" };
    expect(await agentNamed(name).find(home.environment)).toEqual(found);
    manifest("./bin/agent.js");
    expect(await agentNamed(name).find(home.environment)).toEqual(found);
    manifest({ [name]: "bin/other.js" });
    expect(await agentNamed(name).find(home.environment)).toEqual({ ...found, version: undefined });
  });

  test("one that cannot tell its version is found all the same; an abort ends the search", async () => {
    using home = new AgentHome();
    const program = home.program(name);
    writeFileSync(program, "#!/bin/sh\nexit 1\n");
    expect(await agentNamed(name).find(home.environment)).toEqual({ program, version: undefined });
    const reason = new Error("enough");
    await expect(agentNamed(name).find(home.environment, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test("not installed: told how to install it; not executable: told that", async () => {
    using home = new AgentHome();
    await expect(agentNamed(name).plan(home.request())).rejects.toMatchObject({
      code: "agent.not-found",
      why: `there is no ${name} on PATH`,
      fix: [expect.stringContaining("npm install --global @"), expect.anything()],
    });
    chmodSync(home.program(name), 0o644);
    if (process.getuid?.() !== 0) {
      await expect(agentNamed(name).plan(home.request())).rejects.toMatchObject({
        why: expect.stringContaining("cannot be executed"),
      });
    }
  });

  test("is called by its absolute path here, by its name inside a sandbox", async () => {
    using home = new AgentHome();
    const program = home.program(name);
    expect((await agentNamed(name).plan(home.request())).argv[0]).toBe(program);
    const inside = await agentNamed(name).plan(home.request({ isolation: "container", environment: {} }));
    expect(inside.argv[0]).toBe(name);
  });

  test("a command of the configuration replaces the program and begins the arguments", async () => {
    using home = new AgentHome();
    const program = home.program("wrapper");
    const { argv } = await agentNamed(name, { [name]: { command: ["wrapper", "--profile", "x"] } }).plan(
      home.request(),
    );
    expect(argv.slice(0, 3)).toEqual([program, "--profile", "x"]);
    expect(argv.length).toBeGreaterThan(3);
  });

  test("a prompt with NUL is refused", async () => {
    using home = new AgentHome();
    home.program(name);
    await expect(agentNamed(name).plan(home.request({ prompt: "a\0b" }))).rejects.toMatchObject({
      code: "usage.invalid",
    });
  });

  test("no argument is longer than Linux takes: a prompt of 1 MiB goes by a file of the session", async () => {
    using home = new AgentHome();
    home.program(name);
    const prompt = "ä".repeat(512 * 1024);
    const plan = await agentNamed(name).plan(home.request({ prompt }));
    expect(Math.max(...plan.argv.map((argument) => Buffer.byteLength(argument)))).toBeLessThan(1024);
    const path = join(home.sessionDirectory, "prompt.md");
    expect(plan.files).toContainEqual({ path, content: prompt });
    expect(plan.argv.at(-1)).toContain(path);
    expect(plan.notices.join()).toContain("1024 KiB");
  });

  test.each([131_072 - 64, 131_072 - 63])("a prompt of %i bytes can be handed to a program", async (bytes) => {
    using home = new AgentHome();
    const program = home.program(name);
    writeFileSync(program, "#!/bin/sh\nexit 0\n");
    const { argv } = await agentNamed(name).plan(home.request({ prompt: "x".repeat(bytes) }));
    expect((await runner.run(argv[0], argv.slice(1))).exitCode).toBe(0);
  });

  test("every file lies in the session's directory", async () => {
    using home = new AgentHome();
    home.program(name);
    const prompt = "x".repeat(200_000);
    const environment = { ...home.environment, IS_SANDBOX: "1" };
    const { files } = await agentNamed(name).plan(home.request({ prompt, permissionMode: "bypass", environment }));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) expect(file.path.startsWith(`${home.sessionDirectory}/`)).toBe(true);
  });

  test("an aborted plan rejects with the signal's reason", async () => {
    using home = new AgentHome();
    home.program(name);
    const reason = new Error("enough");
    await expect(agentNamed(name).plan(home.request(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe("an agent of the user's own", () => {
  const plan = async (home: AgentHome, command: readonly [string, ...string[]], changes = {}) => {
    home.program("mine");
    return agentNamed("mine", { mine: { command } }).plan(home.request(changes));
  };

  test("gets the prompt last, or where it is wanted, and none on resume", async () => {
    using home = new AgentHome();
    const prompt = "say $& 'hi'";
    expect((await plan(home, ["mine", "-v"], { prompt })).argv.slice(1)).toEqual(["-v", prompt]);
    expect((await plan(home, ["mine", "--ask={prompt}", "-v"], { prompt })).argv.slice(1)).toEqual([
      `--ask=${prompt}`,
      "-v",
    ]);
    expect((await plan(home, ["mine", "--ask={prompt}", "-v"])).argv.slice(1)).toEqual(["-v"]);
    const resumed = await plan(home, ["mine", "-v"], { prompt, isResume: true });
    expect(resumed.argv.slice(1)).toEqual(["-v"]);
    expect(resumed.notices.join()).toContain("without the prompt");
  });

  test.each([
    [{ isPlanMode: true }, "--plan-mode"],
    [{ model: "big" }, "--model"],
    [{ permissionMode: "bypass" }, "--permission-mode"],
  ])("%j is refused rather than left out", async (changes, option) => {
    using home = new AgentHome();
    await expect(plan(home, ["mine"], changes)).rejects.toMatchObject({
      code: "usage.invalid",
      message: `The agent mine cannot be told ${option}`,
    });
  });

  test("its program may be a path; one that is gone is told", async () => {
    using home = new AgentHome();
    const program = home.program("mine");
    expect((await plan(home, [program])).argv).toEqual([program]);
    await expect(plan(home, ["/absent/mine"])).rejects.toMatchObject({
      code: "agent.not-found",
      fix: [expect.stringContaining("[agents.mine]"), expect.anything()],
    });
  });
});
