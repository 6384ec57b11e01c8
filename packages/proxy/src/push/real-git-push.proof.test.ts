import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startGitServer, type GitServer } from "./git-http-server.fixture.ts";

let server: GitServer;

beforeAll(async () => {
  server = await startGitServer();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const remoteTip = async (ref: string): Promise<string> => {
  const { output } = await server.git([
    "--git-dir",
    join(server.directory, "acme/app.git"),
    "rev-parse",
    "--verify",
    "--quiet",
    ref,
  ]);
  return output.trim();
};
const tip = async (): Promise<string> => (await server.git(["rev-parse", "HEAD"])).output.trim();

/** One clone, one history: each step stands on those before. */
describe("git push through the guard", () => {
  it("P50 creates and advances the session's branch, over each protocol version", async () => {
    for (const version of [0, 1, 2]) {
      await server.git([
        "commit",
        "--quiet",
        "--allow-empty",
        `--message=work ${version}\n\n${"the same long text ".repeat(40)}`,
      ]);
      const pushed = await server.git(["-c", `protocol.version=${version}`, "push", "origin", "clauderon/fix"]);
      expect(pushed).toMatchObject({ exitCode: 0 });
      expect(await remoteTip("refs/heads/clauderon/fix")).toBe(await tip());
    }
  });

  it("advances it by many commits, some of them stored as deltas", async () => {
    const message = `subject\n\n${Array.from({ length: 80 }, (_, index) => `line ${index} of a long message`).join("\n")}`;
    for (let count = 0; count < 12; count++) {
      await server.git(["commit", "--quiet", "--allow-empty", `--message=${count} ${message}`]);
    }
    const pushed = await server.git(["push", "origin", "clauderon/fix"]);
    expect(pushed).toMatchObject({ exitCode: 0 });
    expect(await remoteTip("refs/heads/clauderon/fix")).toBe(await tip());
  });

  it("sends more than git buffers, which it asks leave for with an empty list", async () => {
    await writeFile(
      join(server.directory, "clone/large"),
      Buffer.alloc(3_000_000).map((_, index) => (index * 7919) >> (index & 7)),
    );
    await server.git(["add", "large"]);
    await server.git(["commit", "--quiet", "--message=large"]);
    const pushed = await server.git(["-c", "http.postBuffer=65536", "push", "origin", "clauderon/fix"]);
    expect(pushed).toMatchObject({ exitCode: 0 });
    expect(await remoteTip("refs/heads/clauderon/fix")).toBe(await tip());
    expect(server.mostHeld()).toBeLessThan(200_000);
  });

  it("takes a signed push, and reads the commands within its certificate", async () => {
    const key = join(server.directory, "key");
    const made = await server.keygen(key);
    if (!made) {
      process.stdout.write("not run: a signed push (ssh-keygen is not installed)\n");
      return;
    }
    await server.git(["--git-dir", join(server.directory, "acme/app.git"), "config", "receive.certNonceSeed", "seed"]);
    const signed = ["-c", "gpg.format=ssh", "-c", `user.signingKey=${key}`, "push", "--signed"];
    await server.git(["commit", "--quiet", "--allow-empty", "--message=signed"]);
    expect(await server.git([...signed, "origin", "clauderon/fix"])).toMatchObject({ exitCode: 0 });
    expect(await remoteTip("refs/heads/clauderon/fix")).toBe(await tip());
    const other = await server.git([...signed, "origin", "HEAD:refs/heads/main"]);
    expect(other.output).toContain("! [remote rejected] HEAD -> main (this session may push only clauderon/fix)");
  });

  it.each([
    {
      what: "another branch",
      argv: ["HEAD:refs/heads/main"],
      says: "! [remote rejected] HEAD -> main (this session may push only clauderon/fix)",
    },
    {
      what: "a tag",
      argv: ["HEAD:refs/tags/v1"],
      says: "! [remote rejected] HEAD -> v1 (this session may not push tags)",
    },
    {
      what: "a deletion",
      argv: ["--delete", "other"],
      says: "! [remote rejected] other (this session may not delete refs)",
    },
    {
      what: "the session's branch beside another",
      argv: ["HEAD:refs/heads/new", "HEAD~1:refs/heads/main"],
      says: "(this session may push only clauderon/fix)",
    },
    {
      what: "a push option",
      argv: ["--push-option=merge_request.create", "HEAD~1:refs/heads/clauderon/fix", "--force"],
      says: "push options may act beyond the branch",
    },
    {
      what: "a forced rewind",
      argv: ["--force", "HEAD~2:refs/heads/clauderon/fix"],
      says: "(the new commits do not stand on top of the branch",
    },
  ])("shows readably that $what is refused", async ({ argv, says }) => {
    const before = await server.git(["ls-remote", join(server.directory, "acme/app.git")]);
    const pushed = await server.git(["push", "origin", ...argv]);
    expect(pushed.exitCode).toBe(1);
    expect(pushed.output).toContain(says);
    expect(pushed.output).toContain("remote: fix: ");
    expect((await server.git(["ls-remote", join(server.directory, "acme/app.git")])).output).toBe(before.output);
  });

  it("refuses a rewritten history after its bytes began to flow, readably", async () => {
    const before = await remoteTip("refs/heads/clauderon/fix");
    await server.git(["checkout", "--quiet", "-b", "rewritten", "HEAD~3"]);
    await server.git(["commit", "--quiet", "--allow-empty", "--message=elsewhere"]);
    const pushed = await server.git(["push", "--force", "origin", "HEAD:refs/heads/clauderon/fix"]);
    expect(pushed.output).toContain(
      "! [remote rejected] HEAD -> clauderon/fix (the new commits do not stand on top of the branch",
    );
    expect(await remoteTip("refs/heads/clauderon/fix")).toBe(before);
  });

  it("shows readably that another repository is refused", async () => {
    const pushed = await server.git([
      "push",
      server.url.replace("/app.git", "/other.git"),
      "HEAD:refs/heads/clauderon/fix",
    ]);
    expect(pushed.output).toContain("fatal: remote error: clauderon: this session may push only to acme/app");
  });
});
