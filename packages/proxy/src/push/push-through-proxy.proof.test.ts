import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { AuditEntry } from "../audit/audit-entry.ts";
import { createProxy, type Proxy } from "../create-proxy.ts";
import { createPolicyEngine } from "../policy/decide.ts";
import type { ProxyIdentity } from "../policy/proxy-types.ts";
import { shippedRules } from "../rules/shipped-rules.ts";
import { sandboxWiring } from "../wiring/sandbox-wiring.ts";
import { startGitServer, type GitServer } from "./git-http-server.fixture.ts";

const SECRET = "ghp_REALcd41a9REALcd41a9REALcd41a9";
const rules = shippedRules({});
const secrets = new Set(["github"]);
const identity: ProxyIdentity = {
  sessionId: "s1",
  sessionName: "fix",
  policy: {
    accessMode: "read-write",
    network: "listed",
    allow: [],
    deny: [],
    isIsolated: true,
    push: { host: "github.com", repository: "acme/app", ref: "refs/heads/clauderon/fix" },
  },
};

let home: string;
let proxy: Proxy;
let server: GitServer;
const authorizations = new Set<string | undefined>();
const audit: AuditEntry[] = [];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "clauderon-proxy-"));
  server = await startGitServer({
    isGuarded: false,
    onRequest: ({ headers }) => authorizations.add(headers.authorization),
  });
  const bundlePath = join(home, "proxy-ca.pem");
  proxy = createProxy({
    authorityPath: join(home, "proxy", "authority.pem"),
    bundlePath,
    policy: createPolicyEngine({ rules, secrets }),
    readSecret: async () => SECRET,
    writeRecord: (entry) => {
      audit.push(entry);
    },
    upstream: {
      overrides: new Map([
        ["github.com", { scheme: "http", host: "127.0.0.1", port: Number(new URL(server.url).port) } as const],
      ]),
    },
  });
  const { port } = await proxy.listen();
  const { token } = await proxy.identities.add(identity);
  const { environment } = sandboxWiring({
    sessionId: "s1",
    proxyUrl: `http://s1:${token}@127.0.0.1:${port}`,
    caBundlePath: bundlePath,
    agent: "claude",
    rules,
    secrets,
    now: "2026-11-21T00:00:00Z",
  });
  server.extendEnvironment(environment);
  await server.git(["remote", "set-url", "origin", "https://github.com/acme/app.git"]);
});

afterAll(async () => {
  await proxy.close();
  await server[Symbol.asyncDispose]();
  await rm(home, { recursive: true, force: true, maxRetries: 10 });
});

const remoteTip = async (ref: string): Promise<string> =>
  (
    await server.git(["--git-dir", join(server.directory, "acme/app.git"), "rev-parse", "--verify", "--quiet", ref])
  ).output.trim();
const tip = async (): Promise<string> => (await server.git(["rev-parse", "HEAD"])).output.trim();

/** Real git with the variables of the wiring, the shipped rules, a real `git http-backend` behind the user's own gateway. */
describe("git push through the proxy", () => {
  it("creates and advances the session's branch with a credential that git never had", async () => {
    for (const count of [1, 2]) {
      await server.git(["commit", "--quiet", "--allow-empty", `--message=work ${count}`]);
      expect(await server.git(["push", "origin", "clauderon/fix"])).toMatchObject({ exitCode: 0 });
      expect(await remoteTip("refs/heads/clauderon/fix")).toBe(await tip());
    }
    const expected = `Basic ${Buffer.from(`x-access-token:${SECRET}`).toString("base64")}`;
    expect([...authorizations]).toEqual([expected]);
  });

  it("sends what is larger than git's buffer, and fetches it back", async () => {
    const message = randomBytes(9000).toString("hex");
    await server.git(["commit", "--quiet", "--allow-empty", `--message=${message}`]);
    expect(await server.git(["-c", "http.postBuffer=1024", "push", "origin", "clauderon/fix"])).toMatchObject({
      exitCode: 0,
    });
    expect(await server.git(["fetch", "origin", "clauderon/fix"])).toMatchObject({ exitCode: 0 });
  });

  it.each([
    [
      "another branch",
      ["HEAD:refs/heads/main"],
      "! [remote rejected] HEAD -> main (this session may push only clauderon/fix)",
    ],
    ["a tag", ["HEAD:refs/tags/v1"], "! [remote rejected] HEAD -> v1 (this session may not push tags)"],
    ["a deletion", ["--delete", "other"], "! [remote rejected] other (this session may not delete refs)"],
    ["a rewind", ["--force", "HEAD~1:refs/heads/clauderon/fix"], "(the new commits do not stand on top of the branch"],
  ])("shows readably that %s is refused", async (_what, argv, says) => {
    const before = await remoteTip("refs/heads/clauderon/fix");
    const pushed = await server.git(["push", "origin", ...argv]);
    expect(pushed.output).toContain(says);
    expect(pushed.exitCode).toBe(1);
    expect(await remoteTip("refs/heads/clauderon/fix")).toBe(before);
    expect(await remoteTip("refs/tags/v1")).toBe("");
  });

  it("shows readably that a rewritten history is refused after its bytes began to flow", async () => {
    await server.git(["checkout", "--quiet", "-b", "rewritten", "HEAD~1"]);
    await server.git(["commit", "--quiet", "--allow-empty", "--message=elsewhere"]);
    const pushed = await server.git(["push", "--force", "origin", "HEAD:refs/heads/clauderon/fix"]);
    expect(pushed.output).toContain(
      "! [remote rejected] HEAD -> clauderon/fix (the new commits do not stand on top of the branch",
    );
  });

  it("shows readably that another repository is refused", async () => {
    const pushed = await server.git(["push", "https://github.com/acme/other.git", "HEAD:refs/heads/clauderon/fix"]);
    expect(pushed.output).toContain("remote: clauderon: The session may not do this: push to acme/other");
  });

  it("leaves the reason in the audit, and the secret nowhere", () => {
    expect(
      new Set(
        audit
          .map((entry) => JSON.stringify(entry))
          .filter((line) => line.includes("push-"))
          .map((line) => /push-[a-z-]+/.exec(line)?.[0]),
      ),
    ).toEqual(new Set(["push-ref-not-allowed", "push-not-fast-forward", "push-not-scoped"]));
    expect(JSON.stringify(audit)).not.toContain(SECRET.slice(4, 20));
  });
});
