import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { soundSecret, startFaultyHome, type Fault } from "./secret-faults.fixture.ts";

const canary = "sk-ant-CANARY-77e2c0";

interface Row {
  readonly name: string;
  readonly fault: Fault;
  /** What the client reads, in this order. */
  readonly told: readonly string[];
  /** What the log says beside the name of the secret. */
  readonly logged: readonly string[];
  /** What the client must not read although the log has it. */
  readonly kept?: readonly string[];
}

const again = "store it again, as one line of text";
const tested = "fix: clauderon config credentials test anthropic";
const file = (bytes: string | Uint8Array, mode?: number): Fault => ({
  file: { bytes, ...(mode === undefined ? {} : { mode }) },
});
const rows: readonly Row[] = [
  {
    name: "a file that others may read",
    fault: file(canary, 0o644),
    told: ["secrets/anthropic is open to other users", "fix: chmod 600 "],
    logged: ["open to other users"],
  },
  {
    name: "a file that a group may write",
    fault: file(canary, 0o620),
    told: ["secrets/anthropic is open to other users", "fix: chmod 600 "],
    logged: ["open to other users"],
  },
  { name: "an empty file", fault: file(""), told: ["is empty", again], logged: ["is empty"] },
  { name: "a file with newlines alone", fault: file("\n\r\n\n"), told: ["is empty", again], logged: ["is empty"] },
  {
    name: "a binary file",
    fault: file(new Uint8Array([0, 255, 254, 7])),
    told: ["is not plain text", again],
    logged: ["is not plain text"],
  },
  {
    name: "a binary tail",
    fault: file(`${canary}\u0000`),
    told: ["is not plain text", again],
    logged: ["is not plain text"],
  },
  {
    name: "a file with more than one line",
    fault: file(`${canary}\nX-Injected: 1`),
    told: ["has more than one line", again],
    logged: ["more than one line"],
  },
  {
    name: "a file of a megabyte",
    fault: file(canary.repeat(50_000)),
    told: ["is longer than", again],
    logged: ["is longer than"],
  },
  {
    name: "no op program",
    fault: { usesOp: true },
    told: ['The credential "anthropic" could not be read', tested],
    logged: ["is not there", "install it"],
    kept: ["op://Private", "bin/op"],
  },
  {
    name: "a locked vault",
    fault: { op: `echo '[ERROR] account me@example.com is not signed in' >&2; exit 1` },
    told: ['The credential "anthropic" could not be read', tested],
    logged: ["me@example.com is not signed in", "unlock 1Password"],
    kept: ["me@example.com", "op://Private"],
  },
  {
    name: "a vault that gives two lines",
    fault: { op: `printf '%s\\nX-Injected: 1' ${canary}` },
    told: ["has more than one line", again],
    logged: ["more than one line"],
  },
  { name: "a vault that gives nothing", fault: { op: ":" }, told: ["is empty", again], logged: ["is empty"] },
];

describe("E a credential that cannot be used", () => {
  it.each(rows)("$name: the client reads why, the log more, nothing leaks, others go on", async (row) => {
    await using home = await startFaultyHome(row.fault);
    const [bad, good] = await Promise.all([home.ask("anthropic"), home.ask("openai")]);
    expect(bad.text).toMatch(/^HTTP\/1.1 503 [\s\S]*clauderon-refusal: secret-unavailable\r\n/u);
    const body = bad.text.slice(bad.text.indexOf("\r\n\r\n") + 4);
    const told = [...row.told, "explain: clauderon proxy explain 'https://api.anthropic.com/v1/models'"];
    const places = told.map((text) => body.indexOf(text));
    expect({ body, places }).toEqual({
      body,
      places: places.map((place) => Math.max(place, 0)).toSorted((a, b) => a - b),
    });
    expect(body.split("\n")).toHaveLength(4);
    expect(body.length).toBeLessThan(400);
    for (const text of [canary, ...(row.kept ?? [])]) expect(bad.text).not.toContain(text);
    for (const text of ['"secret":"anthropic"', ...row.logged]) expect(home.log()).toContain(text);
    expect(home.log()).not.toContain(canary);
    const audit = await home.audit();
    expect(audit).toContainEqual(
      expect.objectContaining({ service: "api.anthropic.com", decision: "blocked", reason: "secret-unavailable" }),
    );
    expect(JSON.stringify(audit)).not.toContain(canary);
    expect(good.status).toBe(200);
    expect(home.keys).toEqual([`Bearer ${soundSecret}`]);
  });

  it.each([`${canary}\n`, `${canary}\r\n`, `${canary}\n\n`])(
    "the newline at the end of %j is no part of it",
    async (text) => {
      await using home = await startFaultyHome(file(text));
      expect((await home.ask("anthropic")).status).toBe(200);
      expect(home.keys).toEqual([canary]);
    },
  );

  it("corrected, it is used from the next second on", async () => {
    await using home = await startFaultyHome(file(""));
    expect((await home.ask("anthropic")).status).toBe(503);
    await writeFile(join(home.home, "secrets", "anthropic"), canary);
    await home.composed.reload();
    expect((await home.ask("anthropic")).status).toBe(200);
    expect(home.keys).toEqual([canary]);
  });
});

const rule = (id: string, more = ""): string =>
  `[[rules]]\nid = "${id}"\nhost = "a.example"\nsecret = "${id}"\ninject = { header = "Authorization" }\n${more}`;

describe("E a proxy.toml with a fault", () => {
  it.each([
    {
      name: "an unknown key",
      text: "secrets_dri = '/x'\n",
      told: /proxy\.toml:1: unknown setting "secrets_dri"/u,
      fix: "write secrets_dir",
    },
    {
      name: "an unknown key of a table",
      text: "[proxy]\nalow = ['a.example']\n",
      told: /proxy\.toml:2: unknown setting "alow" in proxy/u,
      fix: "write allow",
    },
    {
      name: "two rules that overlap",
      text: rule("one") + rule("two", 'paths = ["/api/**"]\n'),
      told: /proxy\.toml:6: the rules one and two overlap/u,
      fix: "different hosts, paths or methods",
    },
    {
      name: "a rule that overlaps a shipped one",
      text: '[[rules]]\nid = "mine"\nhost = "api.anthropic.com"\nsecret = "mine"\ninject = { header = "x-api-key" }\n',
      told: /proxy\.toml:1: the rules anthropic-api-key and mine overlap/u,
      fix: 'the id "anthropic-api-key"',
    },
    {
      name: "a registry that is no host",
      text: '[registries]\n"https://a.example" = "me"\n',
      told: /proxy\.toml:2: "https:\/\/a\.example" in registries is not a host/u,
      fix: "write registry.example.com",
    },
    {
      name: "a token service that is no URL",
      text: '[registries]\n"a.example" = { username = "me", token_url = "http://b.example/token" }\n',
      told: /proxy\.toml:2: token_url of a\.example is not a URL/u,
      fix: "write https://",
    },
    {
      name: "two registries with one token service",
      text: '[registries]\n"a.example" = { username = "me", token_url = "https://b.example/t" }\n"c.example" = { username = "me", token_url = "https://b.example/t" }\n',
      told: /proxy\.toml:3: a\.example and c\.example have the same token_url/u,
      fix: "name one of them",
    },
    {
      name: "an account with a key that is none",
      text: '[registries]\n"a.example" = { user = "me" }\n',
      told: /proxy\.toml:2: wrong value for registries\.a\.example/u,
      fix: "correct line 2",
    },
  ])("$name: the line, what is wrong and the fix; what runs goes on as before", async ({ text, told, fix }) => {
    await using home = await startFaultyHome(file(canary));
    expect((await home.ask("anthropic")).status).toBe(200);
    const path = join(home.home, "proxy.toml");
    await writeFile(path, `${text}${await readFile(path, "utf8")}`);
    await expect(home.composed.reload()).rejects.toMatchObject({
      code: "settings.invalid",
      message: expect.stringMatching(told) as string,
      fix: [expect.stringContaining(fix) as string],
    });
    expect((await home.ask("anthropic")).status).toBe(200);
    expect(home.keys).toEqual([canary, canary]);
  });
});
