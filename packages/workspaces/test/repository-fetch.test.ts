import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { errorWith, type Fixture, fixture } from "./git-fixture.ts";
import { gitServer, type GitServer } from "./git-server.ts";
import { commitFile } from "./mirror-fixture.ts";
import { implementations, portOf } from "./port-fixture.ts";

/** Large, and no two parts alike. */
const noise = (seed: number): string =>
  Array.from({ length: 4000 }, (_, index) => ((index + 1) * seed * 7919) % 1_000_003).join(" ");

describe.each(implementations)("by %s", (implementation) => {
  async function clone(
    options: Partial<Parameters<typeof gitServer>[0]> = {},
    environment: Readonly<Record<string, string>> = {},
  ): Promise<{ world: Fixture; server: GitServer; url: string; path: string; port: ReturnType<typeof portOf> }> {
    const world = fixture();
    const server = await gitServer({ root: world.root, ...options });
    const path = join(world.home, "repositories", "clone.git");
    mkdirSync(join(world.home, "repositories"), { recursive: true });
    return {
      world,
      server,
      url: `${server.url}/repository/.git`,
      path,
      port: portOf(implementation, world, environment),
    };
  }
  const refsOf = (world: Fixture, path: string): Record<string, string> =>
    Object.fromEntries(
      world
        .git([`--git-dir=${path}`, "for-each-ref", "--format=%(refname) %(objectname)"], world.root)
        .split("\n")
        .filter(Boolean)
        .map((line) => line.split(" ") as [string, string]),
    );
  const fsck = (world: Fixture, path: string): string =>
    world.git([`--git-dir=${path}`, "fsck", "--full", "--strict", "--no-dangling"], world.root);

  test("a clone has branches, tags and HEAD, and a fetch brings what is new and nothing twice", async () => {
    const { world, server, url, path, port } = await clone();
    const git = (args: readonly string[]): string => world.git(args);
    const commit = (name: string): string => git(["rev-parse", name]).trim();
    commitFile(world, { "large.txt": noise(3) });
    git(["branch", "gone"]);
    git(["tag", "-m", "Annotated", "one"]);
    git(["update-ref", "refs/notes/hidden", "HEAD"]);
    expect(await port.remoteHead(url)).toEqual({ head: commit("main"), branch: "main" });
    await port.initialise({ url, path, isSha256: false });
    expect(await port.fetch({ url, path })).toBe(commit("main"));
    expect(refsOf(world, path)).toEqual({
      "refs/clauderon/head": commit("main"),
      "refs/remotes/origin/gone": commit("gone"),
      "refs/remotes/origin/main": commit("main"),
      "refs/tags/one": commit("one"),
    });
    expect(fsck(world, path)).toBe("");

    // What is of sessions stays, whatever is fetched.
    const own = { "refs/heads/clauderon/fix": commit("main~1"), "refs/clauderon/checkpoints/a": commit("main") };
    for (const [name, object] of Object.entries(own)) git([`--git-dir=${path}`, "update-ref", name, object]);
    const before = server.sent();
    git(["branch", "--quiet", "-D", "gone"]);
    git(["tag", "two", "main~1"]);
    git(["switch", "--quiet", "-c", "topic/one"]);
    commitFile(world, { "topic.txt": "topic\n" });
    expect(await port.fetch({ url, path })).toBe(commit("topic/one"));
    expect(server.sent() - before).toBeLessThan(3000);
    expect(refsOf(world, path)).toEqual({
      ...own,
      "refs/clauderon/head": commit("topic/one"),
      "refs/remotes/origin/main": commit("main"),
      "refs/remotes/origin/topic/one": commit("topic/one"),
      "refs/tags/one": commit("one"),
      "refs/tags/two": commit("two"),
    });
    expect(await port.remoteHead(url)).toEqual({ head: commit("topic/one"), branch: "topic/one" });

    // Rewound, with a file where a directory was.
    git(["switch", "--quiet", "main"]);
    git(["branch", "--quiet", "-D", "topic/one"]);
    git(["branch", "topic", "main~1"]);
    git(["reset", "--quiet", "--hard", "main~1"]);
    expect(await port.fetch({ url, path })).toBe(commit("main"));
    expect(refsOf(world, path)).toMatchObject({
      "refs/remotes/origin/main": commit("main"),
      "refs/remotes/origin/topic": commit("main"),
    });
    expect(await port.fetch({ url, path })).toBe(commit("main"));
    expect(fsck(world, path)).toBe("");
    expect(git([`--git-dir=${path}`, "rev-parse", "HEAD"]).trim()).toBe(commit("main"));
  });

  test("a server that stops in the middle, or sends what is damaged, changes nothing; the next call completes it", async () => {
    const { world, server, url, path, port } = await clone();
    await port.initialise({ url, path, isSha256: false });
    await port.fetch({ url, path });
    const before = refsOf(world, path);
    commitFile(world, { "large.txt": noise(5) });
    const isPack = (method: string | undefined): boolean => method === "POST";
    const twists: readonly NonNullable<GitServer["twist"]>[] = [
      (body, { method }) => (isPack(method) ? undefined : body),
      (body, { method }) => (isPack(method) ? body.subarray(0, body.length / 2) : body),
      (body, { method }) => {
        if (!isPack(method)) return body;
        const damaged = Buffer.from(body);
        damaged.fill(0x55, Math.floor(body.length / 2), Math.floor(body.length / 2) + 64);
        return damaged;
      },
    ];
    for (const twist of twists) {
      server.twist = twist;
      await expect(port.fetch({ url, path })).rejects.toEqual(errorWith("repository.not-found"));
      expect(refsOf(world, path)).toEqual(before);
      expect(fsck(world, path)).toBe("");
    }
    server.twist = undefined;
    expect(await port.fetch({ url, path })).toBe(world.git(["rev-parse", "HEAD"]).trim());
    expect(fsck(world, path)).toBe("");
    const scratch = join(world.home, "state", "workspaces", "scratch");
    if (implementation === "isomorphic-git") expect(readdirSync(scratch)).toEqual([]);
  });

  test("what is not there, has no commit, or wants a login is said, without the login", async () => {
    const { world, server, url, port } = await clone({ login: "me:secret" });
    world.git(["init", "--quiet", "--bare", join(world.root, "empty.git")], world.root);
    const withLogin = (path: string): string => `${server.url.replace("://", "://me:secret@")}/${path}`;
    await expect(port.remoteHead(url)).rejects.toEqual(errorWith("repository.not-found"));
    const missing: unknown = await port.remoteHead(withLogin("nothing.git")).catch((error: unknown) => error);
    expect(missing).toEqual(errorWith("repository.not-found"));
    expect(JSON.stringify(missing)).not.toContain("secret");
    await expect(port.remoteHead(withLogin("empty.git"))).rejects.toEqual(errorWith("repository.empty"));
    expect(await port.remoteHead(withLogin("repository/.git"))).toMatchObject({ branch: "main" });
  });

  test("the user's settings say how it is reached: certificates, headers, rewrites; the others' login stays with them", async () => {
    const { world, server, path, port } = await clone();
    const secure = await gitServer({ root: world.root, secureIn: world.root, movedFrom: "/old" });
    const url = `${secure.url}/old/repository/.git`;
    await expect(port.remoteHead(url)).rejects.toEqual(errorWith("repository.not-found"));
    const settings = `[http]\n\tsslCAInfo = ${join(world.root, "authority.pem")}\n[http "${secure.url}/"]\n\textraHeader = X-Token: ours\n[url "${secure.url}/old/repository/"]\n\tinsteadOf = https://work.example/\n`;
    const file = join(world.root, "user", ".gitconfig");
    writeFileSync(file, readFileSync(file, "utf8") + settings);
    await port.initialise({ url: "https://work.example/.git", path, isSha256: false });
    await port.fetch({ url: "https://work.example/.git", path });
    expect(fsck(world, path)).toBe("");
    const moved = secure.requests.filter(({ url: asked }) => asked?.startsWith("/repository") === true);
    expect([...new Set(moved.map(({ method }) => method))]).toEqual(["GET", "POST"]);
    for (const { headers } of moved) expect(headers["x-token"]).toBe("ours");
    await port.remoteHead(`${server.url}/repository/.git`);
    for (const { headers } of server.requests) expect(headers["x-token"]).toBeUndefined();
  });

  test.each(["environment", "settings"])("a proxy that the user's %s name is asked", async (place) => {
    const { world, server } = await clone();
    const url = "http://repository.example/repository/.git";
    const file = join(world.root, "user", ".gitconfig");
    if (place === "settings") appendFileSync(file, `[http]\n\tproxy = ${server.url}\n`);
    const port = portOf(implementation, world, place === "environment" ? { http_proxy: server.url } : {});
    expect(await port.remoteHead(url)).toMatchObject({ branch: "main" });
    expect(server.requests.every(({ url: asked }) => asked?.startsWith("http://repository.example/") === true)).toBe(
      true,
    );
  });
});
