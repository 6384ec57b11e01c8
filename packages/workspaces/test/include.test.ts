import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import type { WorkspaceInclude } from "@clauderon/core/contract";
import { describe, expect, it } from "vitest";

import { errorWith, type Fixture, fixture, leftovers, made, planned, snapshot } from "./git-fixture.ts";

const file: WorkspaceInclude = { patterns: [], isFileRead: true };
const named = (...patterns: readonly string[]): WorkspaceInclude => ({ patterns, isFileRead: false });

async function create(world: Fixture, include: WorkspaceInclude, request: Parameters<typeof planned>[1] = {}) {
  const plan = await planned(world, { include, ...request });
  return { ...plan, ...(await world.provider.create(plan.request, plan.record)) };
}

describe("files that come along", () => {
  it("copies what .worktreeinclude names, modes kept, and nothing else", async () => {
    const world = fixture();
    world.write({
      ".worktreeinclude": "# secrets\n/.env*\nconfig/*.local\n!config/not.local\n",
      ".env": "TOKEN=1",
      ".env.test": "TOKEN=2",
      "deep/.env": "not at the root",
      "config/a.local": "a",
      "config/not.local": "no",
      "ignored.log": "no",
    });
    chmodSync(join(world.repository, ".env"), 0o600);
    chmodSync(join(world.repository, "config/a.local"), 0o755);
    const files = (): object =>
      Object.fromEntries(Object.entries(snapshot(world.repository)).filter(([name]) => !name.startsWith("/.git/")));
    const before = files();
    const { record, copied, notices } = await create(world, file);
    expect([copied, notices]).toEqual([[".env", ".env.test", "config/a.local"], []]);
    expect(readFileSync(join(record.path, ".env"), "utf8")).toBe("TOKEN=1");
    expect(lstatSync(join(record.path, ".env")).mode & 0o777).toBe(0o600);
    expect(lstatSync(join(record.path, "config/a.local")).mode & 0o777).toBe(0o755);
    for (const name of ["deep/.env", "config/not.local", "ignored.log", ".worktreeinclude"])
      expect([name, existsSync(join(record.path, name))]).toEqual([name, false]);
    expect(files()).toEqual(before);
    expect(leftovers(world).filter((path) => path.includes("scratch"))).toEqual([]);
  });

  it("copies what the configuration names, also ignored files and names of every kind", async () => {
    const world = fixture();
    const odd = "ignored ün\nusual";
    world.write({ [odd]: "odd", ".worktreeinclude": "a.txt\n.env\n", ".env": "x" });
    writeFileSync(Buffer.concat([Buffer.from(`${world.repository}/ignored`), Buffer.from([0xff])]), "bytes");
    const { record, copied } = await create(world, named("ignored*"));
    expect(copied).toHaveLength(2);
    expect(readFileSync(join(record.path, odd), "utf8")).toBe("odd");
    expect(existsSync(join(record.path, ".env"))).toBe(false);
  });

  it("never writes over a file of the commit, nor through a link of it", async () => {
    const world = fixture();
    const outside = join(world.root, "outside");
    mkdirSync(outside);
    symlinkSync(outside, join(world.repository, "config"));
    world.write({ ".env": "committed" });
    world.git(["add", "--force", "."]);
    world.git(["commit", "--quiet", "-m", "Hostile"]);
    const hostile = world.git(["rev-parse", "HEAD"]).trim();
    world.git(["rm", "--quiet", "--cached", ".env", "config"]);
    world.git(["commit", "--quiet", "-m", "Harmless"]);
    rmSync(join(world.repository, "config"));
    world.write({ ".env": "mine", "config/.env": "mine" });
    const { record, copied, notices } = await create(world, named(".env"), { base: hostile });
    expect(copied).toEqual([]);
    expect(notices).toEqual([
      expect.stringMatching(/^\.env was not copied/u),
      expect.stringMatching(/^config\/\.env/u),
    ]);
    expect(readFileSync(join(record.path, ".env"), "utf8")).toBe("committed");
    expect(existsSync(join(outside, ".env"))).toBe(false);
  });

  it("copies a link that stays inside as a link, and none that leads out", async () => {
    const world = fixture();
    writeFileSync(join(world.root, "secret"), "secret");
    mkdirSync(join(world.repository, "ignored.d"));
    symlinkSync("a.txt", join(world.repository, "ignored.inside"));
    symlinkSync("../deep/c.txt", join(world.repository, "ignored.d/inside"));
    symlinkSync("../../secret", join(world.repository, "ignored.d/out"));
    symlinkSync(join(world.root, "secret"), join(world.repository, "ignored.absolute"));
    symlinkSync(world.root, join(world.repository, "ignored.directory"));
    const { record, copied, notices } = await create(world, named("ignored*"));
    expect(copied.toSorted()).toEqual(["ignored.d/inside", "ignored.inside"]);
    expect(readlinkSync(join(record.path, "ignored.d/inside"))).toBe("../deep/c.txt");
    expect(notices).toHaveLength(3);
    expect(existsSync(join(record.path, "ignored.directory"))).toBe(false);
  });

  it("is no work of the session's until somebody writes to it", async () => {
    const world = fixture();
    world.write({ "local.env": "1" });
    const { record } = await create(world, named("local.env"));
    expect(world.git(["status", "--porcelain"], record.path)).toBe("?? local.env\n");
    expect(await world.provider.status(record)).toMatchObject({ untracked: 0, files: [] });
    expect(await world.provider.diff(record)).toBe("");
    world.write({ "local.env": "another value" }, record.path);
    expect(await world.provider.status(record)).toMatchObject({ untracked: 1, files: ["local.env"] });
    expect(await world.provider.diff(record)).toContain("another value");
    const info = await world.provider.resolve(world.repository);
    expect(await world.provider.changes(info)).toMatchObject({ count: 1 });
    expect(await world.provider.changes(info, { except: ["local.env"] })).toEqual({ count: 0, files: [] });
  });

  it("goes with the workspace when the creation is taken back, and is told again when it is repeated", async () => {
    const world = fixture();
    world.write({ "local.env": "1" });
    const { request, record, copied } = await create(world, named("local.env"));
    expect(await world.provider.create(request, record)).toEqual({ copied, notices: [] });
    await world.provider.undo(record, request.sessionId);
    expect(existsSync(record.path)).toBe(false);
  });

  it("refuses too many and too large files before anything is copied", async () => {
    const world = fixture();
    const many = Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`ignored/${String(index)}`, ""]));
    world.write(many);
    await expect(create(world, named("ignored"))).rejects.toEqual(errorWith("workspace.include-refused"));
    expect(leftovers(world)).toEqual([]);
    rmSync(join(world.repository, "ignored"), { recursive: true });
    writeFileSync(join(world.repository, "ignored.large"), Buffer.alloc(64 * 1024 * 1024 + 1));
    await expect(create(world, named("ignored*"))).rejects.toEqual(errorWith("workspace.include-refused"));
    expect(leftovers(world)).toEqual([]);
  });

  it("copies nothing from a bare repository", async () => {
    const world = fixture();
    const bare = join(world.root, "bare.git");
    world.git(["clone", "--quiet", "--bare", world.repository, bare]);
    const plan = await planned(world, { include: named("*"), from: bare });
    expect(await world.provider.create(plan.request, plan.record)).toEqual({ copied: [], notices: [] });
  });

  it("leaves what came with the uncommitted changes as it is", async () => {
    const world = fixture();
    world.write({ "local.env": "1", "a.txt": "changed" });
    const { record } = await made(world, { include: named("local.env"), withChanges: true });
    expect(world.git(["status", "--porcelain"], record.path)).toBe(" M a.txt\n?? local.env\n");
  });
});
