import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { SessionError } from "@clauderon/core/contract";
import { createSetupTrust, findSetupScript } from "@clauderon/core/host";
import { describe, expect, onTestFinished, test } from "vitest";

import type { Access } from "../src/command/access.ts";
import { access, FakeClauderon, sessionDetail } from "./fake-clauderon.ts";
import { runInProcess } from "./run-in-process.ts";

interface Trusting {
  readonly repository: string;
  readonly script: string;
  readonly access: Partial<Access>;
}

/** A repository with a setup script, and a home. */
function trusting(fake: FakeClauderon = new FakeClauderon()): Trusting {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), "clauderon-trust-")));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const repository = path.join(root, "repository");
  execFileSync("git", ["init", "--quiet", repository]);
  mkdirSync(path.join(repository, ".clauderon"));
  mkdirSync(path.join(repository, "deep"));
  const script = path.join(repository, ".clauderon", "setup");
  writeFileSync(script, "npm ci\u001b[2J\n");
  const trust = createSetupTrust(path.join(root, "home"));
  return {
    repository,
    script,
    access: { ...access(fake), setupScript: findSetupScript, setupTrust: async () => trust },
  };
}

describe("trust", () => {
  test("shows the script harmlessly, asks, and remembers until it is revoked", async () => {
    const { repository, script, ...given } = trusting();
    const refused = await runInProcess(["trust", repository], given);
    expect([refused.code, refused.stdout]).toEqual([2, ""]);
    expect(refused.stderr).toContain("npm ci");
    expect(refused.stderr).not.toContain("\u001b[2J");
    expect((await runInProcess(["trust", "list"], given)).stderr).toBe("No setup script is trusted\n");

    const trusted = await runInProcess(["trust", path.join(repository, "deep"), "--yes"], given);
    expect([trusted.code, trusted.stderr]).toEqual([0, expect.stringContaining(`Trusted ${script}`)]);
    // Nothing is left to be asked.
    expect((await runInProcess(["trust", repository], given)).code).toBe(0);
    const list = await runInProcess(["trust", "list", "--json"], given);
    const [entry] = JSON.parse(list.stdout) as readonly { readonly hash: string; readonly repository: string }[];
    expect(entry).toMatchObject({ schemaVersion: 1, repository });

    writeFileSync(script, "npm ci --force\n");
    expect((await runInProcess(["trust", repository], given)).code).toBe(2);
    expect((await runInProcess(["trust", "revoke", "0000000000"], given)).code).toBe(2);
    expect((await runInProcess(["trust", "revoke", entry?.hash.slice(0, 12) ?? ""], given)).code).toBe(0);
    expect(JSON.parse((await runInProcess(["trust", "list", "--json"], given)).stdout)).toEqual([]);
  });

  test("says where a script would have to be", async () => {
    const { repository, script, ...given } = trusting();
    rmSync(script);
    const { code, stderr } = await runInProcess(["trust", repository], given);
    expect([code, stderr]).toEqual([1, expect.stringContaining(".clauderon/setup at the root of a checkout")]);
  });
});

describe("create", () => {
  test.each([
    [[], undefined],
    [["--trust-setup"], true],
  ])("%j asks for trust: %j", async (flags, isSetupTrusted) => {
    const fake = new FakeClauderon();
    const { repository, ...given } = trusting(fake);
    const { code } = await runInProcess(["create", "one", "--repo", repository, ...flags], given);
    expect(code).toBe(0);
    expect(fake.created[0]?.isSetupTrusted).toBe(isSetupTrusted);
  });
});

describe("archive", () => {
  test("puts sessions away, list leaves them out, unarchive brings them back", async () => {
    const fake = new FakeClauderon(sessionDetail("fix"), sessionDetail("other"));
    const given = { access: access(fake) };
    const { code, stdout, stderr } = await runInProcess(["archive", "fix"], given);
    expect([code, stdout, stderr]).toEqual([0, "", "Archived fix\n"]);
    const names = async (...argv: readonly string[]) => (await runInProcess(["list", "-q", ...argv], given)).stdout;
    expect(await names()).toBe("other\n");
    expect(await names("--archived")).toBe("fix\n");
    expect(await names("--status", "archived,running")).toBe("fix\nother\n");
    const json = await runInProcess(["unarchive", "fix", "--json", "--repository", "/moved"], given);
    expect(JSON.parse(json.stdout)).toMatchObject([{ name: "fix", lifecycle: "stopped" }]);
    expect(fake.unarchived).toEqual([{ name: "fix", request: { repository: "/moved" } }]);
    expect(await names()).toBe("fix\nother\n");
  });

  test("delete --all leaves archived sessions alone", async () => {
    const fake = new FakeClauderon(sessionDetail("fix"), sessionDetail("other"));
    await runInProcess(["archive", "fix"], { access: access(fake) });
    expect((await runInProcess(["delete", "--all", "--yes"], { access: access(fake) })).code).toBe(0);
    expect(fake.deleted.map(({ name }) => name)).toEqual(["other"]);
  });
});

describe("delete over the limit of ignored files", () => {
  const overLimit = (): FakeClauderon => {
    const fake = new FakeClauderon(sessionDetail("fix"));
    fake.patchSession = (session) => ({
      ...session,
      async delete(request, options) {
        if (request?.ignored !== undefined) return session.delete(request, options);
        const fix = ["clauderon delete fix --keep-ignored", "clauderon delete fix --drop-ignored"] as const;
        throw new SessionError({ code: "session.ignored-over-limit", message: "too much", fix });
      },
    });
    return fake;
  };

  test("is refused where nobody can answer, with the flags that do", async () => {
    const fake = overLimit();
    const { code, stderr } = await runInProcess(["delete", "fix", "--discard"], { access: access(fake) });
    expect([code, fake.deleted]).toEqual([7, []]);
    expect(stderr).toContain("--keep-ignored");
  });

  test.each([
    ["--keep-ignored", "keep"],
    ["--drop-ignored", "drop"],
  ])("%s answers", async (flag, ignored) => {
    const fake = overLimit();
    expect((await runInProcess(["delete", "fix", flag], { access: access(fake) })).code).toBe(0);
    expect(fake.deleted).toMatchObject([{ name: "fix", request: { ignored } }]);
  });

  test("both at once are refused", async () => {
    const fake = overLimit();
    const argv = ["delete", "fix", "--keep-ignored", "--drop-ignored"];
    expect((await runInProcess(argv, { access: access(fake) })).code).toBe(2);
  });
});
