import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { serveGit } from "../../src/push/git-http-server.fixture.ts";
import { startClientWorld, type ClientWorld, type RunResult } from "./client-world.ts";
import { startTlsUpstream, type TlsUpstream } from "./package-upstream.ts";
import { runsClient } from "./required-client.ts";

const secret = "ghp_REAL_5b80f1";
const authorization = `Basic ${Buffer.from(`x-access-token:${secret}`).toString("base64")}`;
const storage = "github-cloud.s3.amazonaws.com";
const url = "https://github.com/acme/app.git";
const hasLfs = runsClient("git-lfs", ["git-lfs", "version"]);
const objects = new Map<string, Buffer>();
let directory: string;
let upstream: TlsUpstream;
let world: ClientWorld;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "clauderon-git-"));
  const bare = join(directory, "acme", "app.git");
  const git = (...argv: string[]): void => {
    execFileSync("git", argv, { stdio: "ignore", env: { PATH: process.env["PATH"], HOME: directory } });
  };
  git("init", "--quiet", "--bare", "--initial-branch=main", bare);
  git("--git-dir", bare, "config", "http.receivepack", "true");
  const first = join(directory, "first");
  git("init", "--quiet", "--initial-branch=main", first);
  git("-C", first, "-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--allow-empty", "--message=first");
  git("-C", first, "push", "--quiet", bare, "main");
  upstream = await startTlsUpstream({ "github.com": serveGithub, [storage]: serveStorage });
  world = await startClientWorld({
    origins: { "github.com": upstream.port, [storage]: upstream.port },
    secrets: { GITHUB_TOKEN: secret },
    push: { host: "github.com", repository: "acme/app", ref: "refs/heads/clauderon/fix" },
  });
  await writeFile(join(world.home, ".gitconfig"), "[user]\nname = A\nemail = a@example.com\n");
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true, maxRetries: 10 });
});
beforeEach(() => {
  upstream.seen.length = 0;
});

function serveGithub(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.authorization !== authorization)
    response.writeHead(401, { "www-authenticate": 'Basic realm="GitHub"' }).end();
  else if (!(request.url ?? "").includes("/info/lfs/"))
    void serveGit(request, response, { directory, isGuarded: false, onHeld: () => undefined });
  else if (request.url?.endsWith("/objects/batch") === true) void serveBatch(request, response);
  else response.writeHead(404, { "content-type": "application/vnd.git-lfs+json" }).end('{"message":"Not found"}');
}

/** https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md */
async function serveBatch(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const asked = JSON.parse((await bodyOf(request)).toString()) as {
    readonly operation: string;
    readonly objects: readonly { readonly oid: string; readonly size: number }[];
  };
  const answered = asked.objects.map((object) => ({
    ...object,
    actions:
      asked.operation === "upload" && objects.has(object.oid)
        ? undefined
        : { [asked.operation]: { href: `https://${storage}/lfs/${object.oid}?X-Amz-Signature=signed` } },
  }));
  response.writeHead(200, { "content-type": "application/vnd.git-lfs+json" });
  response.end(JSON.stringify({ transfer: "basic", objects: answered }));
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  return Buffer.concat((await Array.fromAsync(request)) as Buffer[]);
}

function serveStorage(request: IncomingMessage, response: ServerResponse): void {
  const oid = /^\/lfs\/(?<oid>[0-9a-f]{64})\?X-Amz-Signature=signed$/u.exec(request.url ?? "")?.groups?.["oid"] ?? "";
  if (request.method === "PUT")
    void bodyOf(request).then((bytes) => {
      objects.set(oid, bytes);
      return response.writeHead(200).end();
    });
  else response.writeHead(objects.has(oid) ? 200 : 404).end(objects.get(oid));
}

async function git(argv: readonly string[], cwd: string): Promise<RunResult> {
  return world.run(["git", ...argv], { cwd });
}

async function clone(name: string): Promise<string> {
  const path = join(world.home, name);
  expect(await git(["clone", "--quiet", url, path], world.home)).toEqual({ code: 0, output: "" });
  expect((await git(["checkout", "-B", "clauderon/fix"], path)).code).toBe(0);
  return path;
}

async function commit(path: string, name: string, text: string): Promise<void> {
  await writeFile(join(path, name), text);
  expect((await git(["add", "--all"], path)).code).toBe(0);
  expect((await git(["commit", "--quiet", `--message=${name}`], path)).code).toBe(0);
}

describe("C3 git works with the token that it does not have", () => {
  it("git: clones, fetches and pushes its own branch, and no other", async () => {
    const path = await clone("plain");
    await commit(path, "a", "a");
    expect(await git(["push", "--quiet", "origin", "HEAD"], path)).toMatchObject({ code: 0 });
    expect(await git(["fetch", "--quiet"], await clone("second"))).toEqual({ code: 0, output: "" });
    const refused = await git(["push", "origin", "HEAD:main"], path);
    expect(refused).toMatchObject({ code: 1, output: expect.stringContaining("remote rejected") });
    const branches = execFileSync("git", ["--git-dir", join(directory, "acme/app.git"), "branch"]).toString();
    expect(branches).toContain("clauderon/fix");
    expect(
      execFileSync("git", ["--git-dir", join(directory, "acme/app.git"), "log", "main", "--format=%s"]).toString(),
    ).toBe("first\n");
    expect(new Set(upstream.seen.map((request) => request.authorization))).toEqual(new Set([authorization]));
  });

  it("git LFS by curl: the batch gets the token, the storage does not", async () => {
    const content = Buffer.from("large by agreement\n");
    const oid = createHash("sha256").update(content).digest("hex");
    const batch = async (operation: string): Promise<string> => {
      const body = JSON.stringify({ operation, transfers: ["basic"], objects: [{ oid, size: content.length }] });
      const type = "application/vnd.git-lfs+json";
      const headers = [
        "-H",
        `Accept: ${type}`,
        "-H",
        `Content-Type: ${type}`,
        "-H",
        "Authorization: Basic b3duOm93bg==",
      ];
      const { code, output } = await world.run([
        "curl",
        "-sS",
        "--fail",
        ...headers,
        "-d",
        body,
        `${url}/info/lfs/objects/batch`,
      ]);
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining(oid) });
      return /"href":"([^"]+)"/u.exec(output)?.[1] ?? "";
    };
    await writeFile(join(world.home, "object"), content);
    expect((await world.run(["curl", "-sS", "--fail", "-T", "object", await batch("upload")])).code).toBe(0);
    expect(await world.run(["curl", "-sS", "--fail", await batch("download")])).toEqual({
      code: 0,
      output: content.toString(),
    });
    expect(upstream.seen.filter(({ host }) => host === storage).map((request) => request.authorization)).toEqual([
      undefined,
      undefined,
    ]);
  });

  it.runIf(hasLfs)("git-lfs: pushes and fetches an object", async () => {
    objects.clear();
    const path = await clone("large");
    expect((await git(["lfs", "install"], path)).code).toBe(0);
    await git(["fetch", "origin", "clauderon/fix"], path);
    await git(["reset", "--quiet", "--hard", "FETCH_HEAD"], path);
    expect((await git(["lfs", "track", "*.bin"], path)).code).toBe(0);
    await commit(path, "a.bin", "an object\n");
    expect(await git(["push", "origin", "HEAD"], path)).toMatchObject({ code: 0 });
    expect([...objects.values()].map(String)).toEqual(["an object\n"]);
    const other = join(world.home, "other");
    expect((await git(["clone", "--branch=clauderon/fix", url, other], world.home)).code).toBe(0);
    expect(await readFile(join(other, "a.bin"), "utf8")).toBe("an object\n");
  });

  it("and nothing that was written holds the token", async () => {
    const written = await world.written();
    expect(written).toContain("clauderon");
    for (const text of [secret, Buffer.from(`x-access-token:${secret}`).toString("base64")])
      expect(written).not.toContain(text);
  });
});
