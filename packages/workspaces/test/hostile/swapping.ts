import { randomBytes } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";

/** Swaps a directory with a symbolic link to another place as fast as it can, as an agent could while we work. */
const swap = `
const { renameSync, rmSync, symlinkSync, unlinkSync } = require("node:fs");
const { directory, outside, aside, link, counts, rests } = require("node:worker_threads").workerData;
const counter = new Int32Array(counts);
const rest = (ms) => { if (ms > 0) Atomics.wait(counter, 0, 0, Math.random() * ms); };
const done = (work) => { try { work(); return true; } catch { return false; } };
while (Atomics.load(counter, 0) === 0) {
  if (!done(() => renameSync(directory, aside))) continue;
  done(() => symlinkSync(outside, link));
  if (done(() => renameSync(link, directory))) Atomics.add(counter, 1, 1);
  rest(rests.link);
  done(() => unlinkSync(directory));
  if (!done(() => renameSync(aside, directory))) done(() => rmSync(aside, { recursive: true, force: true }));
  rest(rests.directory);
}
`;

export interface Swapping extends AsyncDisposable {
  readonly workspace: string;
  /** How often the workspace's directory was a link to the place outside. */
  count(): number;
  /** Whether everything outside is as it was. */
  isWhole(): boolean;
  /** A workspace with a directory that is swapped; the one before must be gone. */
  refill(): void;
}

const names = Array.from({ length: 8 }, (_, index) => `file-${String(index)}`);
/** Relative to the workspace. */
export const swappedPaths: readonly string[] = names.map((name) => `swapped/${name}`);

function fill(directory: string, text: string): void {
  mkdirSync(directory, { recursive: true });
  for (const name of names) writeFileSync(join(directory, name), text);
}

/** What the files outside hold. */
export const OUTSIDE = "of another place\n";
/** What the workspace's own do. */
export const INSIDE = "of the workspace\n";

export interface SwapPace {
  /** At most so many milliseconds in each state; default: as fast as it can. */
  readonly rests?: { readonly directory: number; readonly link: number } | undefined;
  /** Of a file that is read before the others, and takes a while. */
  readonly firstBytes?: number | undefined;
}

/** Default: a workspace of its own. */
export function startSwapping(given?: string, pace: SwapPace = {}): Swapping {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "clauderon-swapping-")));
  const outside = join(root, "outside");
  const workspace = given ?? join(root, "workspace");
  const counts = new SharedArrayBuffer(8);
  const counter = new Int32Array(counts);
  fill(outside, OUTSIDE);
  const places = {
    directory: join(workspace, "swapped"),
    outside,
    aside: join(root, "aside"),
    link: join(root, "link"),
  };
  const worker = new Worker(swap, {
    eval: true,
    workerData: { ...places, counts, rests: pace.rests ?? { directory: 0, link: 0 } },
  });
  return {
    workspace,
    count: () => Atomics.load(counter, 1),
    isWhole: () => {
      const there = readdirSync(outside);
      return (
        there.length === names.length && there.every((name) => readFileSync(join(outside, name), "utf8") === OUTSIDE)
      );
    },
    refill: () => {
      // Filled elsewhere: what is written through the link would be the test's own doing.
      const fresh = join(root, "fresh");
      fill(join(fresh, "swapped"), INSIDE);
      if (pace.firstBytes !== undefined) writeFileSync(join(fresh, "swapped", "a-first"), randomBytes(pace.firstBytes));
      if (given === undefined) return renameSync(fresh, workspace);
      rmSync(places.directory, { recursive: true, force: true });
      renameSync(join(fresh, "swapped"), places.directory);
    },
    [Symbol.asyncDispose]: async () => {
      const ended = new Promise((resolve) => worker.once("exit", resolve));
      Atomics.store(counter, 0, 1);
      await ended;
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export interface Swapped {
  readonly removals: number;
  readonly swaps: number;
  /** Removals after which something outside was changed. */
  readonly accesses: number;
}

/** Removes the workspace again and again until it was swapped so often, or something outside was hit. */
export async function removeWhileSwapping(remove: (path: string) => Promise<void>, swaps: number): Promise<Swapped> {
  await using swapping = startSwapping();
  for (let removals = 1; ; removals += 1) {
    swapping.refill();
    await remove(swapping.workspace);
    const accesses = swapping.isWhole() ? 0 : 1;
    if (accesses > 0 || swapping.count() >= swaps) return { removals, swaps: swapping.count(), accesses };
  }
}

export interface Shown {
  readonly looks: number;
  readonly swaps: number;
  /** Looks that showed what lies outside. */
  readonly accesses: number;
}

interface SwapLimits {
  readonly swaps: number;
  readonly pace?: SwapPace;
  /** Looks. */
  readonly least?: number;
  readonly most?: number;
}

/** Looks at a worktree again and again until a directory of it was swapped so often, or something outside was shown. */
export async function lookWhileSwapping(
  workspace: string,
  look: () => Promise<string>,
  { swaps, pace, least = 1, most = Number.POSITIVE_INFINITY }: SwapLimits,
): Promise<Shown> {
  await using swapping = startSwapping(workspace, pace);
  swapping.refill();
  for (let looks = 1; ; looks += 1) {
    const accesses = (await look()).includes(OUTSIDE.trim()) ? 1 : 0;
    const isEnough = swapping.count() >= swaps && looks >= least;
    if (accesses > 0 || isEnough || looks >= most) return { looks, swaps: swapping.count(), accesses };
  }
}
