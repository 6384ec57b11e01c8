import { join } from "node:path";

import { afterAll, beforeAll, expect, it } from "vitest";

import { startGitServer, type GitServer } from "./git-http-server.fixture.ts";

let server: GitServer;

beforeAll(async () => {
  server = await startGitServer();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** The whole table is in `real-git-push.proof.test.ts`. */
it("P50 real git creates the session's branch, and shows why it may not push another or rewrite it", async () => {
  await server.git(["commit", "--quiet", "--allow-empty", "--message=work"]);
  expect(await server.git(["push", "origin", "clauderon/fix"])).toMatchObject({ exitCode: 0 });
  const other = await server.git(["push", "origin", "HEAD:refs/heads/main"]);
  expect(other.output).toContain("! [remote rejected] HEAD -> main (this session may push only clauderon/fix)");
  await server.git(["commit", "--quiet", "--amend", "--allow-empty", "--message=rewritten"]);
  const rewritten = await server.git(["push", "--force", "origin", "clauderon/fix"]);
  expect(rewritten.output).toContain("(the new commits do not stand on top of the branch");
  const bare = join(server.directory, "acme/app.git");
  const kept = await server.git(["--git-dir", bare, "log", "-1", "--format=%s", "refs/heads/clauderon/fix"]);
  expect(kept.output.trim()).toBe("work");
});
