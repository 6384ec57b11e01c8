import { execFileSync } from "node:child_process";
import path from "node:path";

import type { Session } from "@clauderon/core/contract";
import { openProxyHome } from "@clauderon/proxy";
import { expect, test } from "vitest";

import { branchOf, makeBareRepositories, serveGit } from "./git-backend.ts";
import { ProxiedHome } from "./proxied-home.ts";

const LONG_MS = 180_000;
const own = "clauderon/fix";

test.each([
  ["a host with rules", "https://github.com/acme/app.git", "open"],
  ["a host without any, on a network of listed hosts", "https://git.example.com/acme/app.git", "listed"],
  ["a remote by SSH, pushed to by HTTPS", "git@git.example.com:acme/app.git", "listed"],
] as const)(
  "a session of this machine pushes its own branch of its own repository alone: %s",
  async (_kind, remote, network) => {
    await using home = await ProxiedHome.open();
    home.configure("", ["github.com", "git.example.com"]);
    const bare = path.join(home.root, "git");
    makeBareRepositories(bare, ["acme/app.git", "acme/other.git"], home.repository);
    home.respond = (request, response) => void serveGit(bare, request, response);
    execFileSync("git", ["-C", home.repository, "remote", "add", "origin", remote]);
    await home.run();
    await using client = home.client();
    const session = await client.sessions.create({
      name: "fix",
      repository: home.repository,
      network,
      isAdvisory: true,
    });
    const branch = execFileSync("git", ["-C", home.repository, "branch", "--show-current"], {
      encoding: "utf8",
    }).trim();
    const web = remote.replace("git@git.example.com:", "https://git.example.com/");
    const app = path.join(bare, "acme/app.git");
    const before = branchOf(app, branch);

    const first = await commit(session);
    expect(await push(session, [web, `HEAD:refs/heads/${own}`])).toMatchObject({ exitCode: 0 });
    expect(branchOf(app, own)).toBe(first);
    const second = await commit(session);
    const other = await push(session, [web, `HEAD:refs/heads/${branch}`]);
    expect(other).toMatchObject({ exitCode: 1 });
    expect(other.stderr).toContain(`this session may push only ${own}`);
    expect((await push(session, [web, "HEAD:refs/tags/v1"])).stderr).toContain("may not push tags");
    expect((await push(session, [web, `:refs/heads/${own}`])).stderr).toContain("may not delete refs");
    const elsewhere = await push(session, [web.replace("app.git", "other.git"), `HEAD:refs/heads/${own}`]);
    expect(elsewhere.exitCode).not.toBe(0);
    expect(elsewhere.stderr).toContain("clauderon");
    expect([branchOf(app, branch), branchOf(app, own)]).toEqual([before, first]);
    expect(branchOf(path.join(bare, "acme/other.git"), own)).toBe("");

    await session.changeAccess({ accessMode: "read-only", isAdvisory: true });
    const readOnly = await push(session, [web, `HEAD:refs/heads/${own}`]);
    expect(readOnly.exitCode).not.toBe(0);
    expect((await session.exec(["git", "fetch", web, branch])).exitCode).toBe(0);
    expect(branchOf(app, own)).toBe(first);
    await session.changeAccess({ accessMode: "read-write" });
    expect(await push(session, [web, `HEAD:refs/heads/${own}`])).toMatchObject({ exitCode: 0 });
    expect(branchOf(app, own)).toBe(second);

    const proxy = await openProxyHome({ home: home.home, userHome: home.root, environment: {} });
    const identity = (await proxy.sessions())[0];
    const explain = (url: string): string =>
      proxy
        .explain({ url: `${url}/git-receive-pack`, method: "POST", identity })
        .steps.map(({ text }) => text)
        .join("\n");
    expect(explain(web)).toContain(`passes only when it updates refs/heads/${own}`);
    expect(explain(web.replace("app.git", "other.git"))).toContain("push to acme/other");
    await session.delete({ discard: true });
  },
  LONG_MS,
);

async function commit(session: Session): Promise<string> {
  const author = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
  await session.exec(["git", ...author, "commit", "--quiet", "--allow-empty", "--message=work"]);
  return (await session.exec(["git", "rev-parse", "HEAD"])).stdout.trim();
}

function push(session: Session, args: readonly string[]): ReturnType<Session["exec"]> {
  return session.exec(["git", "push", ...args]);
}
