import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";
import { parse } from "smol-toml";
import { afterEach, beforeEach, expect, test } from "vitest";

import { getSetting, loadSettings, setSetting, settingsPath } from "./index.ts";
import { tomlStatements } from "./toml-statements.ts";

let home = "";
let path = "";

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "clauderon-settings-"));
  path = settingsPath(home);
});

afterEach(() => {
  rmSync(home, { recursive: true });
});

async function set(text: string, key: string, value: string): Promise<string> {
  writeFileSync(path, text);
  await setSetting(path, key, value);
  return readFileSync(path, "utf8");
}

test("makes the file, and its directory, for this user alone", async () => {
  const fresh = join(home, "new", "config.toml");
  await setSetting(fresh, "general.default_backend", "zellij");
  expect(readFileSync(fresh, "utf8")).toBe('[general]\ndefault_backend = "zellij"\n');
  expect([statSync(fresh).mode & 0o777, statSync(join(home, "new")).mode & 0o777]).toEqual([0o600, 0o700]);
});

test.each([
  [
    "in its place, the comment stays",
    "# top\n[daemon]\nport = 1 # mine\n",
    "daemon.port",
    "2",
    "# top\n[daemon]\nport = 2 # mine\n",
  ],
  [
    "at the end of its table",
    "[daemon]\nport = 1 # mine\n\n# next\n[zellij]\n",
    "daemon.autostart",
    "false",
    "[daemon]\nport = 1 # mine\nautostart = false\n\n# next\n[zellij]\n",
  ],
  ["after an empty header", "[daemon]\n[zellij]\n", "daemon.port", "0", "[daemon]\nport = 0\n[zellij]\n"],
  [
    "in a new table",
    "[daemon]\nport = 1",
    "zellij.program",
    "/opt/z",
    '[daemon]\nport = 1\n\n[zellij]\nprogram = "/opt/z"\n',
  ],
  [
    "beside dotted keys",
    "daemon.port = 1\n[zellij]\n",
    "daemon.autostart",
    "true",
    "daemon.port = 1\ndaemon.autostart = true\n[zellij]\n",
  ],
  [
    "over a list of several lines",
    "[agents.a]\ncommand = [\n  'x', # ]\n  '''y\n[z]''',\n] # end\n",
    "agents.a.command",
    '["b", "c"]',
    '[agents.a]\ncommand = [ "b", "c" ] # end\n',
  ],
  [
    "with Windows line ends",
    "[daemon]\r\nport = 1\r\n",
    "daemon.autostart",
    "false",
    "[daemon]\r\nport = 1\r\nautostart = false\r\n",
  ],
  ["a key of a backend's own", "", "backends.acme.region", "eu", '[backends.acme]\nregion = "eu"\n'],
  ["a nested key of a backend's own", "", "backends.acme.limits.cpu", "2", "[backends.acme.limits]\ncpu = 2\n"],
  ["a number of a backend's own", "", "backends.acme.limit", "4", "[backends.acme]\nlimit = 4\n"],
  ["a backslash", "", "attach.detach_keys", "ctrl-\\", '[attach]\ndetach_keys = "ctrl-\\\\"\n'],
])("%s", async (...[, text, key, value, expected]) => {
  expect(await set(text, key, value)).toBe(expected);
});

test.each([
  ["an unknown key", "", "daemon.prot", "1", "usage.invalid"],
  ["a wrong value", "", "daemon.port", "many", "usage.invalid"],
  ["a value that ends the line", "", "daemon.port", "1\nx = 2", "usage.invalid"],
  ["a file that is wrong already", "[daemon]\nprot = 1\n", "daemon.port", "1", "settings.invalid"],
  ["a file that is not TOML", "[daemon", "daemon.port", "1", "settings.invalid"],
  ["a table in one line", "daemon = { port = 1 }\n", "daemon.autostart", "false", "settings.invalid"],
])("%s is refused and the file stays", async (...[, text, key, value, code]) => {
  await expect(set(text, key, value)).rejects.toMatchObject({ code });
  expect(readFileSync(path, "utf8")).toBe(text);
  expect(readdirSync(home)).toEqual(["config.toml"]);
});

test("a linked file stays linked and keeps its mode", async () => {
  const target = join(home, "dotfiles.toml");
  writeFileSync(target, "[daemon]\n", { mode: 0o644 });
  symlinkSync(target, path);
  await setSetting(path, "daemon.port", "5");
  expect(lstatSync(path).isSymbolicLink()).toBe(true);
  expect(readFileSync(target, "utf8")).toBe("[daemon]\nport = 5\n");
  expect(statSync(target).mode & 0o777).toBe(0o644);
});

const line = fc.constantFrom(
  "# a comment with [brackets] and = signs",
  "",
  "  ",
  'note = "text with # and \\" and ]"',
  "list = [ 1, # one ]\n  2 ]",
  'long = """\n[not.a.table]\nkey = "x" """',
  "literal = '''\n# no comment'''",
  "table = { a = { b = [1, 2] }, c = '}' }",
  '"quoted.key" = 1',
);

test("whatever stands around it: the value is set, all else stays as it was", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(line, { maxLength: 5 }),
      fc.uniqueArray(line, { maxLength: 5 }),
      fc.record({ value: fc.string({ unit: "grapheme", minLength: 1 }), hasKey: fc.boolean() }),
      async (before, after, { value, hasKey }) => {
        const name = "backends.acme.region";
        const text = [
          "[backends.other]",
          ...before,
          "[backends.acme]",
          ...(hasKey ? ["region = 'x'"] : []),
          ...after,
          "",
        ].join("\n");
        const edited = await set(text, name, JSON.stringify(value).replaceAll("\u007f", "\\u007f"));
        const settings = await loadSettings({ homeDirectory: home, environment: {} });
        expect(getSetting(settings, name).value).toBe(value);
        const kept = edited.split("\n").filter((entry) => !entry.startsWith("region"));
        expect(kept).toEqual(text.split("\n").filter((entry) => !entry.startsWith("region")));
      },
    ),
    { numRuns: 150 },
  );
});

test("statements are found where the parser finds values", () => {
  fc.assert(
    fc.property(fc.uniqueArray(line), (lines) => {
      const text = ["[t]", ...lines].join("\n");
      const found = tomlStatements(text).filter((entry) => entry.kind === "value");
      expect(found.map((entry) => entry.path[1])).toEqual(Object.keys(parse(text)["t"] ?? {}));
      for (const {
        valueStart,
        valueEnd,
        path: [, key = ""],
      } of found) {
        const alone = parse(`v = ${text.slice(valueStart, valueEnd)}`)["v"];
        expect(alone).toEqual(Reflect.get(parse(text)["t"] as object, key));
      }
    }),
  );
});
