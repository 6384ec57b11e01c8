import fs from "node:fs";
import { join } from "node:path";

import type { CommandRunner } from "@clauderon/core/contract";
import { expect } from "vitest";

import { wrappedFileSystem } from "./faulty-file-system.ts";
import { helpedRunner } from "./git-fixture.ts";
import { ID, type ResultWorld, resultsOf, resultWorld } from "./result-world.ts";

/** A process that is gone from the n-th point on: no call of it reaches the disk or starts a program any more. */
export function dyingAt(point: number): { readonly options: object; readonly isDead: () => boolean } {
  let passed = 0;
  const reach = (): void => {
    passed += 1;
    if (passed >= point) throw Object.assign(new Error("EIO: the process is gone"), { code: "EIO" });
  };
  const between = async <Value>(call: () => Promise<Value>): Promise<Value> => {
    reach();
    const result = await call();
    reach();
    return result;
  };
  const real = helpedRunner;
  const runner: CommandRunner = {
    run: (program, args, options) => between(() => real.run(program, args, options)),
    async *stream(program, args, options) {
      reach();
      yield* real.stream(program, args, options);
      reach();
    },
  };
  return {
    options: { runner, fileSystem: wrappedFileSystem((_, call) => between(call)) },
    isDead: () => passed >= point,
  };
}

interface Walk {
  readonly kind: "merge" | "apply";
  readonly step: number;
  readonly first?: number;
}

async function walkWorld(): Promise<ResultWorld> {
  const world = await resultWorld();
  world.commit({ "a.txt": "session\n", "new/file": "new\n", deep2: "x\n" });
  world.git(["rm", "--quiet", "deep/c.txt"], world.record.path);
  world.commit({});
  world.write({ "b.txt": "mine\n" });
  world.git(["commit", "--quiet", "--all", "-m", "Mine"]);
  world.write({ "untracked.txt": "mine\n" });
  // Where a file of the session's comes to be.
  fs.mkdirSync(join(world.repository, "deep2", "inside"), { recursive: true, mode: 0o750 });
  return world;
}

const does = (world: ResultWorld, kind: Walk["kind"]): Promise<unknown> =>
  kind === "merge" ? world.merge() : world.apply();

/** Cuts a merge or an application off at every `step`-th point: after recovery all of it is done, or nothing. Gives the number of deaths. */
export async function walkTaking({ kind, step, first = 1 }: Walk): Promise<number> {
  const world = await walkWorld();
  const before = world.everything();
  let deaths = 0;
  for (let point = first; ; point += step) {
    const dying = dyingAt(point);
    const provider = world.providerWith(dying.options);
    await does(resultsOf(world, world.record, provider), kind).catch(() => undefined);
    await world.provider.results.recover();
    const [record] = await world.provider.results.list();
    if (record === undefined) expect([point, world.everything()]).toEqual([point, before]);
    else {
      expect([point, world.read("a.txt")]).toEqual([point, "session\n"]);
      expect([point, world.status()]).toEqual([point, statusAfter[kind]]);
      await world.takeBack();
      expect([point, world.everything()]).toEqual([point, before]);
    }
    expect([point, leftBehind(world)]).toEqual([point, ""]);
    if (!dying.isDead()) return deaths;
    deaths += 1;
  }
}

const statusAfter = {
  merge: "?? untracked.txt\n",
  apply: " M a.txt\n D deep/c.txt\n?? deep2\n?? new/\n?? untracked.txt\n",
} as const;

/** The same for undo: after recovery everything is as before the merge, or as after it. */
export async function walkTakingBack({ kind, step, first = 1 }: Walk): Promise<number> {
  const world = await walkWorld();
  const before = world.everything();
  let deaths = 0;
  for (let point = first; ; point += step) {
    await does(world, kind);
    const dying = dyingAt(point);
    await resultsOf(world, world.record, world.providerWith(dying.options))
      .takeBack()
      .catch(() => undefined);
    await world.provider.results.recover();
    if ((await world.provider.results.list()).length > 0) {
      expect([point, world.status()]).toEqual([point, statusAfter[kind]]);
      await world.takeBack();
    }
    expect([point, world.everything()]).toEqual([point, before]);
    expect([point, leftBehind(world)]).toEqual([point, ""]);
    if (!dying.isDead()) return deaths;
    deaths += 1;
  }
}

/** Locks and files of ours in the user's git directory, and what the home holds of the merge. */
function leftBehind(world: ResultWorld): string {
  const found = world.git(["ls-files", "--others", "--directory"], world.repository);
  const ours = fs.readdirSync(join(world.repository, ".git")).filter((name) => /lock|clauderon-index/u.test(name));
  const places = join(world.home, "undo", "results");
  const kept = fs.existsSync(places) ? fs.readdirSync(places).filter((name) => name === ID) : [];
  return [...ours, ...kept, ...(found.includes(".clauderon") ? [found] : [])].join(" ");
}
