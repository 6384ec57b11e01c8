import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";

import { makeRoot, startBenchDaemon } from "./support/bench-daemon.ts";
import { fillHome } from "./support/fill-home.ts";
import { ratio, summary, timed, type Summary } from "./support/statistics.ts";

// Whole processes: the help text, and the load of each package's built entry, against `node -e 0`.
const root = path.resolve(import.meta.dirname, "..");
const bare = ["-e", "0"];

async function run(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<number> {
  return timed(async () => {
    const child = spawn(process.execPath, args, {
      stdio: "ignore",
      env: { ...process.env, NODE_COMPILE_CACHE: "", ...environment },
    });
    const [code] = (await once(child, "exit")) as [number];
    if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}`);
  });
}

async function compare(
  args: readonly string[],
  rounds = 15,
  environment: NodeJS.ProcessEnv = {},
): Promise<{ readonly ours: Summary; readonly ratio: number; readonly addedMs: number }> {
  const ours: number[] = [];
  const plain: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const pair = [await run(args, environment), await run(bare)] as const;
    if (round === 0) continue;
    ours.push(pair[0]);
    plain.push(pair[1]);
  }
  const figures = { ours: summary(ours), bare: summary(plain) };
  return {
    ours: figures.ours,
    ratio: ratio(ours, plain),
    addedMs: Math.round((figures.ours.medianMs - figures.bare.medianMs) * 10) / 10,
  };
}

const entries = {
  "core/contract": "packages/core/dist/contract.js",
  "core/client": "packages/core/dist/client.js",
  core: "packages/core/dist/index.js",
  agents: "packages/agents/dist/index.js",
  workspaces: "packages/workspaces/dist/index.js",
  terminal: "packages/terminal/dist/index.js",
  store: "packages/store/dist/index.js",
  "backend-local": "packages/backend-local/dist/index.js",
  "backend-zellij": "packages/backend-zellij/dist/index.js",
  "backend-docker": "packages/backend-docker/dist/index.js",
  daemon: "apps/daemon/dist/index.js",
};
const help = await compare([path.join(root, "apps/cli/bin/clauderon.js"), "--help"]);
const load: Record<string, unknown> = {};
for (const [name, entry] of Object.entries(entries)) {
  load[name] = await compare(
    ["--input-type=module", "--eval", `await import(${JSON.stringify(path.join(root, entry))})`],
    7,
  );
}
const daemonStartMs: number[] = [];
const bareStartMs: number[] = [];
let list: Awaited<ReturnType<typeof compare>> | undefined;
for (let round = 0; round < 5; round++) {
  const place = await makeRoot();
  await fillHome(path.join(place, "h"), 200);
  await using daemon = await startBenchDaemon({ root: place });
  daemonStartMs.push(daemon.startMs);
  bareStartMs.push(await run(bare));
  list ??= await compare([path.join(root, "apps/cli/bin/clauderon.js"), "list"], 15, { CLAUDERON_HOME: daemon.home });
}
console.log(
  JSON.stringify({
    targets: { helpRatio: 2, listMs: 150, daemonStartMs: 500 },
    help,
    list,
    daemonStart: { ...summary(daemonStartMs), ratio: ratio(daemonStartMs, bareStartMs) },
    load,
  }),
);
