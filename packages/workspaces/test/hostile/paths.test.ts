import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readlinkSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { copyHeld, type HeldEntry, holdFiles, lookAtHeld } from "../../src/held-files.ts";
import { removeTree } from "../../src/remove-tree.ts";
import { INSTANCE, fixture, made, temporaryDirectory } from "../git-fixture.ts";
import { copiesHeld } from "./copies-held.ts";
import { lookWhileSwapping, removeWhileSwapping } from "./swapping.ts";

const SWAPS = 3000;

/** A program with mounts of its own. */
const isolated = ["--user", "--map-root-user", "--mount"];
const canMount =
  process.platform === "linux" && spawnSync("unshare", [...isolated, "true"], { stdio: "ignore" }).status === 0;

describe("removing a workspace", () => {
  it("leaves what a symbolic link leads to", async () => {
    const root = temporaryDirectory();
    for (const name of ["outside", "workspace/deep"]) mkdirSync(join(root, name), { recursive: true });
    writeFileSync(join(root, "outside", "kept"), "");
    symlinkSync(join(root, "outside"), join(root, "workspace", "deep", "link"));
    symlinkSync(join(root, "workspace"), join(root, "link"));
    await removeTree(join(root, "link"));
    expect(readdirSync(join(root, "workspace"))).toEqual(["deep"]);
    await removeTree(join(root, "workspace"));
    await removeTree(join(root, "workspace"));
    expect(readdirSync(root)).toEqual(["outside"]);
    expect(readdirSync(join(root, "outside"))).toEqual(["kept"]);
  });

  it("removes names of any bytes, and many of them", async () => {
    const root = temporaryDirectory();
    const workspace = join(root, "workspace");
    mkdirSync(join(workspace, "empty"), { recursive: true });
    for (let index = 0; index < 200; index += 1) writeFileSync(join(workspace, `file\n${String(index)}`), "");
    writeFileSync(Buffer.concat([Buffer.from(`${workspace}/`), Buffer.from([0xff, 0xfe])]), "");
    await removeTree(workspace);
    expect(readdirSync(root)).toEqual([]);
  });

  it.runIf(process.platform === "linux")(
    "touches nothing outside while its directories are swapped",
    { timeout: 120_000 },
    async () => {
      const { accesses, swaps } = await removeWhileSwapping(removeTree, SWAPS);
      expect(swaps).toBeGreaterThanOrEqual(SWAPS);
      expect(accesses).toBe(0);
    },
  );

  it.runIf(canMount)("stops at what is mounted inside", { timeout: 60_000 }, () => {
    const root = temporaryDirectory();
    const mount = join(root, "workspace", "deep", "mounted");
    for (const directory of [join(root, "outside"), mount]) mkdirSync(directory, { recursive: true });
    writeFileSync(join(root, "outside", "kept"), "");
    const script = 'mount --bind "$1" "$2" && exec "$3" -C @clauderon/source "$4" "$5"';
    const child = join(import.meta.dirname, "remove-child.fixture.ts");
    const values = [join(root, "outside"), mount, process.execPath, child, join(root, "workspace")];
    const output = execFileSync("unshare", [...isolated, "sh", "-c", script, "sh", ...values], { encoding: "utf8" });
    expect(output).toContain('The directory "mounted" of the workspace is a mount');
    expect(readdirSync(join(root, "outside"))).toEqual(["kept"]);
  });
});

describe("reading a workspace", () => {
  it("takes files and links as they are, and what is on no directory's way not at all", async () => {
    const root = temporaryDirectory();
    const [from, to] = [join(root, "from"), join(root, "to")];
    for (const name of ["outside", "from/deep", "to"]) mkdirSync(join(root, name), { recursive: true });
    writeFileSync(join(root, "outside", "secret"), "secret");
    writeFileSync(join(from, "deep", "file"), "text", { mode: 0o755 });
    symlinkSync(join(root, "outside"), join(from, "link"));
    execFileSync("mkfifo", [join(from, "pipe")]);
    await copyHeld(from, to, ["deep/file", "link", "link/secret", "pipe", "deep", "gone/file"]);
    expect(readdirSync(to).toSorted()).toEqual(["deep", "link"]);
    expect(readdirSync(join(to, "deep"))).toEqual(["file"]);
    expect(readlinkSync(join(to, "link"))).toBe(join(root, "outside"));
    expect([...(await lookAtHeld(from, ["deep/file", "link/secret", "link", "pipe"])).keys()]).toEqual(["deep/file"]);
    const held: HeldEntry[] = [];
    const texts: string[] = [];
    await holdFiles(from, ["deep/file", "link", "link/secret", "pipe", "deep", "gone/file"], async (entries) => {
      held.push(...entries);
      // Its name leads elsewhere by now.
      renameSync(join(from, "deep", "file"), join(from, "aside"));
      symlinkSync(join(root, "outside", "secret"), join(from, "deep", "file"));
      const { address = "" } = entries.find(({ path }) => path === "deep/file") ?? {};
      texts.push(execFileSync("cat", [address], { encoding: "utf8" }));
    });
    expect(Object.fromEntries(held.map(({ path, target }) => [path, target?.toString()]))).toEqual({
      "deep/file": undefined,
      link: join(root, "outside"),
    });
    expect(texts).toEqual([process.platform === "linux" ? "text" : "secret"]);
  });

  it.runIf(process.platform === "linux")(
    "shows nothing of what is outside while its directories are swapped",
    { timeout: 120_000 },
    async () => {
      const workspace = temporaryDirectory();
      const { accesses, swaps } = await lookWhileSwapping(workspace, () => copiesHeld(workspace), { swaps: SWAPS });
      expect(swaps).toBeGreaterThanOrEqual(SWAPS);
      expect(accesses).toBe(0);
    },
  );
});

describe("what lies in the directory of worktrees", () => {
  it("cannot hold the list up with a pipe, nor stop it with a directory", async () => {
    const world = fixture();
    for (const name of ["pipe", "directory"]) mkdirSync(join(world.home, "worktrees", name), { recursive: true });
    execFileSync("mkfifo", [join(world.home, "worktrees", "pipe", ".git")]);
    mkdirSync(join(world.home, "worktrees", "directory", ".git"));
    expect(await Array.fromAsync(world.provider.list())).toEqual([]);
  });

  it("speaks for its own place alone", async () => {
    const world = fixture();
    const { record } = await made(world);
    const victim = join(world.root, "precious");
    mkdirSync(victim);
    const forged = join(world.root, "forged");
    mkdirSync(forged);
    const mark = { instanceId: INSTANCE, sessionId: "forged", name: "x", record: { ...record, path: victim } };
    writeFileSync(join(forged, "clauderon.json"), JSON.stringify(mark));
    mkdirSync(join(world.home, "worktrees", "x"));
    writeFileSync(join(world.home, "worktrees", "x", ".git"), `gitdir: ${forged}\n`);
    const found = await Array.fromAsync(world.provider.list());
    expect(found.map(({ sessionId }) => sessionId)).toEqual(["session-fix"]);
    expect(existsSync(victim)).toBe(true);
  });
});
