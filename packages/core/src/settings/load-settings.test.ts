import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { getSetting, homeDirectory, listSettings, loadSettings, settingsPath } from "./index.ts";

let home = "";
let path = "";

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "clauderon-settings-"));
  path = settingsPath(home);
});

afterEach(() => {
  rmSync(home, { recursive: true });
});

const load = (text: string | Uint8Array, environment: Record<string, string> = {}) => {
  writeFileSync(path, text);
  return loadSettings({ homeDirectory: home, environment });
};

describe("values", () => {
  test("without a file everything has its default", async () => {
    const settings = await loadSettings({ homeDirectory: home, environment: {} });
    expect(settings).toMatchObject({
      general: { defaultBackend: undefined, defaultAgent: "claude" },
      daemon: { port: 3030, isAutostart: true },
      attach: { detachKeys: "ctrl-\\" },
      workspace: { branchPrefix: "clauderon/" },
      agents: {},
      backends: {},
      zellij: { program: undefined },
    });
    expect(listSettings(settings).every((entry) => entry.origin.kind === "default")).toBe(true);
  });

  test("every key of a full file is read", async () => {
    const settings = await load(`
[general]
default_backend = "docker"  # or zellij, kubernetes, sprites, apple
default_agent = "codex"
[daemon]
port = 0
autostart = false
[attach]
detach_keys = 'ctrl-p,ctrl-q'
[workspace]
branch_prefix = "ai/"
[agents.claude]
trust_worktrees = true
[agents.mine]
command = ["my-agent", "--prompt", "{prompt}"]
[backends.acme]
module = "@acme/clauderon-backend"
region = "eu"
limits = { cpu = 2 }
[docker]
default_image = "rust:1.85"
pull_policy = "always"
[docker.limits]
cpu = "4"
memory = "8g"
pids = 100
[zellij]
program = "/opt/zellij"
`);
    expect(settings).toMatchObject({
      general: { defaultBackend: "docker", defaultAgent: "codex" },
      docker: {
        defaultImage: "rust:1.85",
        defaultImageOrigin: expect.stringMatching(/^docker\.default_image in .*config\.toml:\d+$/),
        pullPolicy: "always",
        cpus: 4,
        memoryBytes: 8 * 1024 ** 3,
        processes: 100,
      },
      daemon: { port: 0, isAutostart: false },
      attach: { detachKeys: "ctrl-p,ctrl-q" },
      workspace: { branchPrefix: "ai/" },
      agents: {
        claude: { command: undefined, trustWorktrees: true },
        mine: { command: ["my-agent", "--prompt", "{prompt}"], trustWorktrees: false },
      },
      backends: { acme: { module: "@acme/clauderon-backend", settings: { region: "eu", limits: { cpu: 2 } } } },
      zellij: { program: "/opt/zellij" },
    });
    expect(getSetting(settings, "agents.mine.command").origin).toEqual({ kind: "file", place: `${path}:15` });
    expect(getSetting(settings, "backends.acme.limits").value).toEqual({ cpu: 2 });
    expect(getSetting(settings, "backends.acme.limits.cpu").value).toBe(2);
    expect(getSetting(settings, "backends.acme.limits.memory").value).toBeUndefined();
  });

  test("a flag is stronger than the environment, that than the file, that than the default; each says where it is from", async () => {
    writeFileSync(path, "[daemon]\nport = 1\n[general]\ndefault_backend = 'a'\ndefault_agent = 'b'\n");
    const settings = await loadSettings({
      homeDirectory: home,
      environment: { CLAUDERON_PORT: "2", CLAUDERON_BACKEND: "c", CLAUDERON_AGENT: "" },
      flags: {
        "daemon.port": { flag: "--port", value: 3 },
        "general.default_agent": { flag: "--agent", value: undefined },
      },
    });
    expect(listSettings(settings).slice(0, 4)).toEqual([
      { key: "general.default_backend", value: "c", origin: { kind: "environment", place: "CLAUDERON_BACKEND" } },
      { key: "general.default_agent", value: "b", origin: { kind: "file", place: `${path}:5` } },
      { key: "daemon.port", value: 3, origin: { kind: "flag", place: "--port" } },
      { key: "daemon.autostart", value: true, origin: { kind: "default", place: "default" } },
    ]);
  });

  test("a setting that does not exist is told with the nearest", async () => {
    const settings = await load("");
    expect(() => getSetting(settings, "daemon.prot")).toThrow(
      expect.objectContaining({ code: "usage.invalid", fix: ["clauderon config get daemon.port", expect.anything()] }),
    );
    expect(() => getSetting(settings, "default_backend")).toThrow(
      expect.objectContaining({ context: { key: "default_backend", nearest: "general.default_backend" } }),
    );
  });
});

describe("faults, each with its line", () => {
  test.each([
    [
      "[general]\ndefault_bakend = 'x'",
      2,
      'unknown setting "default_bakend" in [general]',
      "write default_backend for",
    ],
    ["[genral]\ndefault_backend = 'x'", 1, 'unknown setting "genral"', "write general for genral"],
    ["# c\n\ndefault_backend = 'x'", 3, 'unknown setting "default_backend"', "write it as general.default_backend"],
    ["[daemon]\nport = 1\nhost = '0.0.0.0'", 3, 'unknown setting "host" in [daemon]', "clauderon config list"],
    ["[agents.mine]\ncomand = ['x']", 2, 'unknown setting "comand" in [agents.mine]', "write command for comand"],
    ["[agents.'Not Good']\ncommand = ['x']", 1, 'unknown setting "Not Good" in [agents]', "clauderon config list"],
    ["daemon.prot = 1", 1, 'unknown setting "prot" in [daemon]', "write port for prot"],
    ["daemon = { prot = 1 }", 1, 'unknown setting "prot" in [daemon]', "write port for prot"],
  ])("unknown: %j", async (...[text, line, message, fix]) => {
    const error: unknown = await load(text).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "settings.invalid", message: `${path}:${line}: ${message}` });
    expect((error as { fix: string[] }).fix[0]).toContain(fix);
  });

  test.each([
    ["[daemon]\n\nport = '3030'", 3, "daemon.port", "a whole number from 0"],
    ["[daemon]\nport = 70000", 2, "daemon.port", "a whole number from 0 (any free port) to 65535"],
    ["[daemon]\nport = 30.5", 2, "daemon.port", "a whole number"],
    ["[daemon]\nautostart = 1", 2, "daemon.autostart", "true or false"],
    ["[general]\ndefault_backend = ''", 2, "general.default_backend", "the name of a backend"],
    ["[general]\ndefault_agent = ['claude']", 2, "general.default_agent", "the name of an agent"],
    ["[attach]\ndetach_keys = 'x'", 2, "attach.detach_keys", "keys, as in"],
    ["[workspace]\nbranch_prefix = 'a b'", 2, "workspace.branch_prefix", "the beginning of a branch name"],
    ["[workspace]\nbranch_prefix = '-x'", 2, "workspace.branch_prefix", "the beginning of a branch name"],
    ["[workspace]\nbranch_prefix = 'a..b/'", 2, "workspace.branch_prefix", "the beginning of a branch name"],
    ["[workspace]\nsync_size = 4", 2, "workspace.sync_size", "how much may come out of a sandbox"],
    ["[workspace]\nsync_objects = 0", 2, "workspace.sync_objects", "how many git objects"],
    ["[workspace]\nsync_refs = 'x'", 2, "workspace.sync_refs", "how many branches and tags"],
    ["[workspace]\nsync_timeout = 'soon'", 2, "workspace.sync_timeout", "how long commits may take"],
    ["[agents.mine]\ncommand = 'my-agent'", 2, "agents.mine.command", "a list of strings"],
    ["[agents.mine]\ncommand = []", 2, "agents.mine.command", "a list of strings"],
    ["[zellij]\nprogram = 'zellij'", 2, "zellij.program", "an absolute path"],
    ["[docker]\npull_policy = 'missing'", 2, "docker.pull_policy", '"always"'],
    ["[docker.limits]\nmemory = '8Gi'", 2, "docker.limits.memory", "a size of at least 6m"],
    ["[docker.limits]\ncpu = 0", 2, "docker.limits.cpu", "a number of processors from 0.01"],
    ["general = 1", 1, "general", "a table, written as [general]"],
    ["[[daemon]]\nport = 1", 1, "daemon", "a table, written as [daemon]"],
  ])("wrong type: %j", async (...[text, line, key, expected]) => {
    await expect(load(text)).rejects.toMatchObject({
      code: "settings.invalid",
      message: `${path}:${line}: wrong value for ${key}`,
      why: expect.stringContaining(`expected ${expected}`),
    });
  });

  test.each([
    ["[general]\ndefault_backend = docker", 2],
    ["[general\n", 1],
    ["\n\n[daemon]\nport = 1\nport = 2", 5],
  ])("not TOML: %j", async (text, line) => {
    await expect(load(text)).rejects.toMatchObject({ code: "settings.invalid", message: `${path}:${line}: not TOML` });
  });

  test("not UTF-8", async () => {
    await expect(load(Uint8Array.of(0xff, 0xfe, 0x00))).rejects.toMatchObject({ code: "settings.invalid" });
  });

  test("unreadable: a directory in its place, a file in the home's place", async () => {
    mkdirSync(path);
    const wanted = { code: "settings.unreadable", message: expect.stringContaining(path) };
    await expect(loadSettings({ homeDirectory: home, environment: {} })).rejects.toMatchObject(wanted);
    const file = join(home, "file");
    writeFileSync(file, "");
    await expect(loadSettings({ homeDirectory: file, environment: {} })).rejects.toMatchObject({
      code: "settings.unreadable",
    });
  });

  test("a wrong variable is named", async () => {
    await expect(load("", { CLAUDERON_PORT: "many" })).rejects.toMatchObject({
      code: "settings.invalid",
      message: "CLAUDERON_PORT is wrong: many",
      why: expect.stringContaining("whole number"),
    });
  });
});

describe("the home", () => {
  test.each([
    [{ CLAUDERON_HOME: "/srv/clauderon/" }, "/srv/clauderon"],
    [{ CLAUDERON_HOME: "", HOME: "/home/me" }, "/home/me/.clauderon"],
    [{}, join(homedir(), ".clauderon")],
  ])("%j → %s", (environment, expected) => {
    expect(homeDirectory(environment)).toBe(expected);
  });

  test("a relative one is refused: it would be another from each directory", () => {
    expect(() => homeDirectory({ CLAUDERON_HOME: "state" })).toThrow(
      expect.objectContaining({ code: "settings.invalid" }),
    );
  });
});
