import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { afterEach, describe, expect, test } from "vitest";

import { endMarkedProcesses, keeperVariable, markedProcesses, markerVariable } from "./index.ts";

const PATH = "/usr/local/bin:/usr/bin:/bin";
const isLinux = process.platform === "linux";
const started: ChildProcess[] = [];
const mentioned: number[] = [];

afterEach(() => {
  for (const id of [...mentioned.splice(0), ...started.splice(0).map(({ pid }) => pid ?? 0)]) {
    if (id > 0 && isAlive(id)) process.kill(id, "SIGKILL");
  }
});

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return !isLinux || !/^State:\s+Z/m.test(readFileSync(`/proc/${processId}/status`, "utf8"));
  } catch {
    // There is none.
    return false;
  }
}

interface Started {
  readonly marker: string;
  readonly leader: number;
  /** Process ids by the names the script gave them. */
  readonly ids: Readonly<Record<string, number>>;
}

/** Runs a script in a session of its own with a mark; resolves when it has written `ready` and, in any order, so many lines `name id`. */
async function run(
  script: string,
  expected: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<Started> {
  const marker = `${randomUUID()}/${randomUUID()}`;
  const child = spawn("/bin/sh", ["-c", script], {
    detached: true,
    env: { PATH, [markerVariable]: marker, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  started.push(child);
  const ids: Record<string, number> = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const [name = "", id = "0"] = line.split(" ");
    ids[name] = Number(id);
    if (id !== "0") mentioned.push(Number(id));
    if ("ready" in ids && Object.keys(ids).length === expected + 1) break;
  }
  delete ids["ready"];
  return { marker, leader: child.pid ?? 0, ids };
}

function alive(ids: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(ids)
    .filter(([, id]) => isAlive(id))
    .map(([name]) => name);
}

describe("the end of a sandbox's processes", () => {
  test("takes all that carry the mark, wherever they are, and can be asked again", async () => {
    const { marker, ids } = await run(
      "(setsid sleep 300 & echo away $!); sleep 300 & echo near $!; echo ready; wait",
      2,
    );
    expect([...alive(ids)].sort()).toEqual(["away", "near"]);
    const { ended, left } = await endMarkedProcesses(marker, { graceMs: 5000 });
    expect([ended, left]).toEqual([3, []]);
    expect(alive(ids)).toEqual([]);
    expect(await endMarkedProcesses(marker, { graceMs: 5000 })).toEqual({ ended: 0, left: [] });
    expect(await markedProcesses(marker)).toEqual([]);
  });

  test("takes what cleared its environment, while it is below a process of the sandbox or in its session", async () => {
    const script = "env -i setsid sleep 300 & echo below $!; (env -i sleep 300 & echo beside $!); echo ready; wait";
    const { marker, ids } = await run(script, 2);
    await endMarkedProcesses(marker, { graceMs: 5000 });
    expect(alive(ids)).toEqual([]);
  });

  test("takes what a leader that carries no mark has started", async () => {
    const { leader, ids } = await run("env -i sleep 300 & echo child $!; echo ready; wait", 1, {
      [markerVariable]: "other",
    });
    const unmarked = `${randomUUID()}/${randomUUID()}`;
    expect(await markedProcesses(unmarked)).toEqual([]);
    await endMarkedProcesses(unmarked, { graceMs: 5000, leaders: [leader] });
    expect(alive({ ...ids, leader })).toEqual([]);
  });

  test("finds what is born while it ends", async () => {
    // The successor of a successor: each is born by the signal that ends the one before.
    const script = [
      `successor='trap "" TERM; exec sleep 300'`,
      `sh -c 'trap "setsid sh -c \\"$1\\" & exit" TERM; echo first $$; echo ready; while :; do sleep 0.01; done' sh "$successor"`,
    ].join("\n");
    const { marker, ids } = await run(script, 1);
    const { ended, left } = await endMarkedProcesses(marker, { graceMs: 300 });
    expect(left).toEqual([]);
    expect(ended).toBeGreaterThanOrEqual(2);
    expect(alive(ids)).toEqual([]);
    expect(await markedProcesses(marker)).toEqual([]);
  });

  test("kills after the grace what ignores SIGTERM, and not before", async () => {
    const { marker, ids } = await run("trap '' TERM; echo stubborn $$; echo ready; while :; do sleep 0.05; done", 1);
    const startedAt = performance.now();
    await endMarkedProcesses(marker, { graceMs: 300 });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(300);
    expect(alive(ids)).toEqual([]);
  });

  test("ends one that is stopped without using up the grace", async () => {
    const { marker, leader } = await run("echo ready; exec sleep 300", 0);
    process.kill(leader, "SIGSTOP");
    const startedAt = performance.now();
    await endMarkedProcesses(marker, { graceMs: 60_000 });
    expect(performance.now() - startedAt).toBeLessThan(30_000);
  });

  test("spares keepers and what is spared by name, with all they started", async () => {
    const keeper = `env -u ${markerVariable} ${keeperVariable}=1 sh -c 'sleep 300 & echo below-keeper $!; wait'`;
    const spared = `env -u ${markerVariable} setsid sh -c 'echo spared $$; sleep 300 & echo below-spared $!; wait'`;
    const script = `setsid ${keeper} & echo keeper $!\n${spared} &\nsleep 300 & echo sleeper $!\necho ready; wait`;
    const { marker, ids } = await run(script, 5);
    await endMarkedProcesses(marker, { graceMs: 200, isSpared: (processId) => processId === ids["spared"] });
    expect([...alive(ids)].sort()).toEqual(["below-keeper", "below-spared", "keeper", "spared"]);
  });

  test("takes the members it is told of at each look", async () => {
    const { leader } = await run("echo ready; exec sleep 300", 0, { [markerVariable]: "other" });
    const marker = `${randomUUID()}/${randomUUID()}`;
    let looks = 0;
    const members = (): readonly number[] => {
      looks += 1;
      return isAlive(leader) ? [leader] : [];
    };
    await endMarkedProcesses(marker, { graceMs: 5000, members });
    expect(isAlive(leader)).toBe(false);
    expect(looks).toBeGreaterThanOrEqual(2);
  });

  test("spares the process that ends the others, also when it is one of them", async () => {
    const marker = `${randomUUID()}/${randomUUID()}`;
    const module = new URL("./index.ts", import.meta.url).href;
    const program = [
      `import { spawn } from "node:child_process";`,
      `import { endMarkedProcesses } from ${JSON.stringify(module)};`,
      `const child = spawn("sleep", ["300"]);`,
      `const { left } = await endMarkedProcesses(${JSON.stringify(marker)}, { graceMs: 5000 });`,
      `console.log(JSON.stringify([left, child.signalCode ?? (await new Promise((end) => child.on("exit", (_, signal) => end(signal))))]));`,
    ].join("\n");
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      env: { PATH, [markerVariable]: marker },
      stdio: ["ignore", "pipe", "inherit"],
    });
    started.push(child);
    let text = "";
    child.stdout.on("data", (bytes: Buffer) => (text += bytes.toString()));
    const [code] = (await once(child, "close")) as [number | null];
    expect([code, JSON.parse(text)]).toEqual([0, [[], "SIGTERM"]]);
  });
});
