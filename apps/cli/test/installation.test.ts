import { spawnSync } from "node:child_process";
import { chmod, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { eventually } from "./eventually.ts";
import { Installation } from "./installation.ts";
import { refused } from "./refused.ts";

const SLOW = 120_000;
let here: Installation;

beforeAll(async () => {
  here = await Installation.create();
}, SLOW);

afterAll(async () => {
  await here[Symbol.asyncDispose]();
}, SLOW);

describe("without a daemon", { timeout: SLOW }, () => {
  test("completion needs none, starts none", async () => {
    const commands = await here.cli(["complete", "--", ""]);
    expect(commands.stdout).toMatch(/^create\t/m);
    expect((await here.cli(["complete", "--", "create", "--perm"])).stdout).toMatch(/^--permission-mode=\t/m);
    expect((await here.cli(["complete", "--", "create", "--permission-mode=e"])).stdout).toMatch(
      /^--permission-mode=edits$/m,
    );
    expect((await here.cli(["complete", "--", "create", "-b", "lo"])).stdout).toMatch(/^local$/m);
    expect((await here.cli(["complete", "--", "attach", ""])).stdout).toBe(":4\n");
    expect((await here.cli(["complete", "--", "exec", "x", "--", ""])).stdout).toBe(":4\n");
    expect((await here.cli(["daemon", "status"])).code).toBe(5);
  });

  test.each(["bash", "zsh", "fish", "powershell"])("a script for %s", async (shell) => {
    const { code, stdout } = await here.cli(["complete", shell]);
    expect(code).toBe(0);
    expect(stdout).toContain("clauderon");
  });

  test("url and daemon status exit 5, version works", async () => {
    refused(await here.cli(["url"]), 5, "The daemon does not run");
    const { stdout } = await here.cli(["version", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1, daemon: null });
  });

  test("config set, get, list --origin, path; nearest key", async () => {
    expect((await here.call(["config", "path"])).stdout).toBe(`${join(here.home, "config.toml")}\n`);
    expect((await here.cli(["config", "set", "attach.detach_keys", "ctrl-p,ctrl-q"])).code).toBe(0);
    expect((await here.call(["config", "get", "attach.detach_keys"])).stdout).toBe("ctrl-p,ctrl-q\n");
    expect((await here.call(["config", "list", "--origin"])).stdout).toMatch(
      /detach_keys +ctrl-p,ctrl-q +.*config\.toml:\d+/,
    );
    refused(await here.call(["config", "set", "general.default_backnd", "x"]), 2, "general.default_backend");
  });

  test("init --yes twice writes once; without a terminal it says how to answer", async () => {
    refused(await here.call(["init"]), 2, "clauderon init --yes");
    const user = { HOME: here.directory };
    expect((await here.call(["init", "--yes"], user)).stderr).toContain("trust_worktrees = false");
    const before = await readFile(join(here.home, "config.toml"), "utf8");
    expect((await here.call(["init", "--yes"], user)).stderr).toContain("Nothing to do");
    expect(await readFile(join(here.home, "config.toml"), "utf8")).toBe(before);
    expect((await here.call(["init", "--trust-worktrees"], user)).code).toBe(0);
    expect(await readFile(join(here.directory, ".claude.json"), "utf8")).toContain("hasTrustDialogAccepted");
  });
});

describe("bad configuration", { timeout: SLOW }, () => {
  const withConfig = async (text: string): Promise<string> => {
    const home = join(here.directory, `home-${Math.random().toString(36).slice(2)}`);
    await mkdir(home, { mode: 0o700 });
    await writeFile(join(home, "config.toml"), text);
    return home;
  };

  test.each([
    ["not TOML", "[general\n", "config.toml"],
    ["unknown key", '[general]\ndefault_backnd = "local"\n', "default_backend"],
    ["wrong type", '[daemon]\nport = "many"\n', "config.toml"],
  ])("%s: the line is named", async (_name, text, message) => {
    const home = await withConfig(text);
    refused(await here.call(["list"], { CLAUDERON_HOME: home }), 1, message);
  });

  test("CLAUDERON_HOME that is a file, or not absolute", async () => {
    const file = join(here.directory, "a-file");
    await writeFile(file, "");
    const result = await here.call(["list"], { CLAUDERON_HOME: file });
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/^ {2}fix: \S/m);
    refused(await here.call(["list"], { CLAUDERON_HOME: "relative" }), 1, "not an absolute path");
  });

  test("a taken port is told with its owner", async () => {
    const server = createServer((_request, response) => response.end("somebody else"));
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const { port } = server.address() as AddressInfo;
    try {
      const home = await withConfig("");
      const result = await here.call(["list"], { CLAUDERON_HOME: home, CLAUDERON_PORT: String(port) });
      refused(result, 7, String(port));
      expect(result.stderr).toContain("daemon.port-taken");
    } finally {
      server.close();
    }
  });

  test("autostart = false: commands say how to start it", async () => {
    const home = await withConfig("[daemon]\nautostart = false\n");
    refused(await here.call(["list"], { CLAUDERON_HOME: home }), 5, "clauderon daemon start");
  });
});

describe("with the daemon", { timeout: SLOW }, () => {
  test("start, status --json, url, token, restart, stop", async () => {
    expect((await here.cli(["daemon", "start"])).stderr).toContain("The daemon runs");
    expect((await here.cli(["daemon", "start"])).stderr).toContain("runs already");
    const status = JSON.parse((await here.call(["daemon", "status", "--json"])).stdout) as { url: string };
    expect(Object.keys(status)).toEqual(["pid", "url", "version", "home", "sessions"]);
    expect((await here.call(["url"])).stdout).toBe(`${status.url}\n`);
    const header = (await here.call(["url", "--header"])).stdout.trim();
    const [name = "", value = ""] = header.split(": ");
    const sessions = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${status.url}/api/sessions`, { headers });
    expect((await sessions({ [name]: value })).status).toBe(200);
    expect((await sessions({})).status).toBe(401);
    expect((await here.call(["url", "--qr"])).stdout.split("\n").length).toBeGreaterThan(8);
    expect((await here.call(["daemon", "logs", "-n", "5"])).stdout.trim().split("\n").length).toBeLessThanOrEqual(5);
    const points = JSON.parse((await here.call(["daemon", "crash-points", "--json"])).stdout) as string[];
    expect(points.length).toBeGreaterThan(10);
  });

  test("doctor --json: every row that is not ok has a fix; both choices with reasons", async () => {
    const { code, stdout } = await here.cli(["doctor", "--json"]);
    const report = JSON.parse(stdout) as {
      rows: { status: string; isRequired: boolean; fix: string | null }[];
      backends: { backendId: string; default: { reason: string }; auto: { reason: string } }[];
      default: { reason: string };
      auto: { reason: string };
    };
    for (const row of report.rows) expect(row.status === "ok" || (row.fix ?? "") !== "").toBe(true);
    for (const backend of report.backends) {
      expect(backend.default.reason).not.toBe("");
      expect(backend.auto.reason).not.toBe("");
    }
    expect(report.backends.map(({ backendId }) => backendId)).toContain("local");
    expect(code).toBe(report.rows.some((row) => row.isRequired && row.status === "failed") ? 1 : 0);
    expect((await here.call(["setup", "--check", "--json=default,auto"])).stdout).toContain("reason");
  });

  test("a token file that everybody may read is refused or mended, never used as it is", async () => {
    const path = join(here.home, "token");
    await here.call(["daemon", "stop"]);
    await chmod(path, 0o644);
    const result = await here.cli(["list"]);
    const { mode } = await stat(path);
    expect(result.code !== 0 || (mode & 0o077) === 0).toBe(true);
  });

  test("a missing token is told with the fix, which works", async () => {
    await here.call(["daemon", "start"]);
    await rm(join(here.home, "token"));
    refused(await here.cli(["list"]), 4, "clauderon daemon restart");
    expect((await here.call(["daemon", "restart"])).code).toBe(0);
    expect((await here.call(["list"])).code).toBe(0);
  });

  test("bash completes live names, and what is typed is never run", async () => {
    await here.call(["create", "alpha", "-p", "x"]);
    // A daemon that is busy for longer than a shell may wait is not waited for.
    await eventually(async () => {
      const { stdout } = await here.cli(["complete", "--", "attach", "al"]);
      return /^alpha\trunning, echo$/m.test(stdout) ? true : undefined;
    }, "the session's name");
    const { stdout: script } = await here.cli(["complete", "bash"]);
    const owned = join(here.directory, "owned");
    // Stands for the installed program.
    await here.shadow(
      "clauderon",
      `#!/bin/sh\nprintf '%s\\n' "$@" > "${here.directory}/asked"\nprintf 'alpha\\trunning\\n:4\\n'\n`,
    );
    const line = `clauderon attach $(touch ${owned}) al`;
    const bash = `${script}\nCOMP_LINE='${line}'; COMP_POINT=\${#COMP_LINE}; COMP_WORDS=(clauderon attach '$(touch ${owned})' al); COMP_CWORD=3\n__clauderon_complete; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const completed = await here.program(["/bin/bash", "--norc", "-c", bash]);
    expect(completed).toMatchObject({ stdout: "alpha\n", stderr: "" });
    await expect(stat(owned)).rejects.toThrow("ENOENT");
    expect(await readFile(join(here.directory, "asked"), "utf8")).toContain("complete\n--\nattach\n");
  });
});

test("the launcher runs on any Node that can read it, and says which one is needed", () => {
  const launcher = fileURLToPath(new URL("../bin/clauderon.js", import.meta.url));
  const pretend = 'Object.defineProperty(process.versions, "node", { value: "20.1.0" }); process.argv.splice(1, 1); ';
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    ["-e", `${pretend}import(${JSON.stringify(launcher)})`, "list"],
    { encoding: "utf8" },
  );
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toContain("needs Node 24.11");
  expect(stderr).not.toMatch(/^ {4}at /m);
});
