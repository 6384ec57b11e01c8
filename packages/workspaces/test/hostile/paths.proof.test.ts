import { execFileSync, spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { expect, it } from "vitest";

import { removeTree } from "../../src/remove-tree.ts";
import { checkpointRequest } from "../checkpoint-property.ts";
import { fixture, made, temporaryDirectory } from "../git-fixture.ts";
import { scaled } from "../scaled.ts";
import { copiesHeld } from "./copies-held.ts";
import { INSIDE, lookWhileSwapping, OUTSIDE, removeWhileSwapping, swappedPaths } from "./swapping.ts";

const SWAPS = 100_000;

/** Removal by path: looks, and then goes where the path leads by then. */
async function removeByPath(path: string): Promise<void> {
  for (;;) {
    try {
      return await rm(path, { recursive: true, force: true });
    } catch {
      // The swapping got in its way: once more.
    }
  }
}

it.runIf(process.platform === "linux")("100,000 swaps while we remove: nothing outside is touched", async () => {
  const byPath = await removeWhileSwapping(removeByPath, SWAPS);
  // Else the loop would show nothing.
  expect(byPath.accesses).toBe(1);
  const { accesses, removals, swaps } = await removeWhileSwapping(removeTree, SWAPS);
  process.stdout.write(
    `swapping: a removal by path hit outside after ${String(byPath.removals)} removals; ours in ${String(removals)} removals and ${String(swaps)} swaps ${String(accesses)} times\n`,
  );
  expect({ accesses, isEnough: swaps >= SWAPS }).toEqual({ accesses: 0, isEnough: true });
});

/** Reading by path: goes where the path leads by then. */
async function readByPath(workspace: string): Promise<string> {
  const texts = swappedPaths.map((path) => readFile(join(workspace, path), "utf8").catch(() => ""));
  return (await Promise.all(texts)).join("");
}

it.runIf(process.platform === "linux")("100,000 swaps while we read: nothing outside is shown", async () => {
  const workspace = temporaryDirectory();
  const byPath = await lookWhileSwapping(workspace, () => readByPath(workspace), { swaps: SWAPS });
  expect(byPath.accesses).toBe(1);
  rmSync(join(workspace, "swapped"), { recursive: true, force: true });
  const { accesses, looks, swaps } = await lookWhileSwapping(workspace, () => copiesHeld(workspace), { swaps: SWAPS });
  process.stdout.write(
    `swapping: reading by path showed what is outside at look ${String(byPath.looks)}; ours in ${String(looks)} looks and ${String(swaps)} swaps ${String(accesses)} times\n`,
  );
  expect({ accesses, isEnough: swaps >= SWAPS }).toEqual({ accesses: 0, isEnough: true });
});

it.runIf(process.platform === "linux")(
  "a diff while directories are swapped shows nothing of what is outside",
  async () => {
    const world = fixture();
    const { record } = await made(world);
    const { accesses, looks, swaps } = await lookWhileSwapping(record.path, () => world.provider.diff(record), {
      swaps: SWAPS / 10,
    });
    process.stdout.write(
      `swapping: ${String(looks)} diffs, ${String(swaps)} swaps, ${String(accesses)} showed what is outside\n`,
    );
    expect(accesses).toBe(0);
  },
);

/** Whether these objects hold a file with the text. */
function holds(gitDirectory: string, text: string): boolean {
  const at = [`--git-dir=${gitDirectory}`];
  const name = execFileSync("git", [...at, "hash-object", "--stdin"], { input: text, encoding: "utf8" }).trim();
  return spawnSync("git", [...at, "cat-file", "-e", name], { stdio: "ignore" }).status === 0;
}

/** A checkpoint by path: git reads the worktree's own files. */
function captureByPath(gitDirectory: string, workspace: string): string {
  const places = [`--git-dir=${gitDirectory}`, `--work-tree=${workspace}`];
  spawnSync("git", [...places, "update-index", "--add", "--remove", "--replace", "--stdin"], {
    input: ["swapped/a-first", ...swappedPaths].join("\n"),
    stdio: ["pipe", "ignore", "ignore"],
  });
  return holds(gitDirectory, OUTSIDE) ? OUTSIDE : "";
}

it.runIf(process.platform === "linux")(
  "checkpoints while directories are swapped hold nothing of what is outside",
  async () => {
    const world = fixture();
    const workspace = temporaryDirectory();
    // What looks and then goes by path has the time to be led astray.
    const pace = { rests: { directory: 2, link: 1 }, firstBytes: 1024 * 1024 };
    world.git(["init", "--quiet", "--bare", "../by-path"]);
    const byPath = join(world.root, "by-path");
    const looked = await lookWhileSwapping(workspace, async () => captureByPath(byPath, workspace), {
      swaps: SWAPS,
      pace,
    });
    expect(looked.accesses).toBe(1);
    const { record } = await made(world, { sessionId: "session-fix" });
    const { checkpoints } = world.provider;
    await checkpoints.create(record, checkpointRequest("session-fix", "empty"));
    let caught = 0;
    // What is there now is captured as for a checkpoint, and shown.
    const capture = async (): Promise<string> => {
      try {
        const shown = await checkpoints.diff({ from: "empty", record });
        if (shown.includes(INSIDE.trim())) caught += 1;
        return shown;
      } catch (error) {
        // Files that go while they are read refuse it.
        expect(error).toMatchObject({ code: "checkpoint.refused" });
        return "";
      }
    };
    const [swaps, least] = [scaled({ usual: SWAPS / 50, deep: SWAPS }), 40];
    const { accesses, ...ours } = await lookWhileSwapping(record.path, capture, { swaps, least, pace });
    process.stdout.write(
      `swapping: a checkpoint by path held what is outside at try ${String(looked.looks)}; ours in ${String(ours.looks)} tries and ${String(ours.swaps)} swaps ${String(accesses)} times, and what is inside ${String(caught)} times\n`,
    );
    expect({ accesses, isInsideHeld: caught > 0 }).toEqual({ accesses: 0, isInsideHeld: true });
  },
);
