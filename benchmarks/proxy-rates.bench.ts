import { connectionRate, rate, requestHead, type Rate } from "./support/proxy/load.ts";
import type { ArmName } from "./support/proxy/place.ts";
import { Rig } from "./support/proxy/rig.ts";
import { quantile, ratio } from "./support/statistics.ts";

// Requests and connections per second through each proxy beside none and beside a bare tunnel: every round runs all arms one after the other.
const rounds = Number(process.env["CLAUDERON_BENCH_ROUNDS"] ?? 5);
const forMs = 600;
const warmMs = 4000;
const only = process.env["CLAUDERON_BENCH_ARMS"]?.split(",");
const all: readonly ArmName[] = [
  "direct",
  "blind",
  "bare-interception",
  "tunnel",
  "intercept",
  "intercept-unwatched",
  "mockttp",
  "http-mitm-proxy",
];
const names = only === undefined ? all : all.filter((name) => only.includes(name));
const onlyLoads = process.env["CLAUDERON_BENCH_LOADS"]?.split(",");

await using rig = await Rig.start(names);
const { port: upstreamPort } = rig.upstream;
const json = [requestHead("/json", upstreamPort)];
const prompt = Buffer.from(
  JSON.stringify({
    model: "claude",
    max_tokens: 4096,
    messages: [{ role: "user", content: "Why is the sky blue? ".repeat(40) }],
  }),
);
const ask = [requestHead("/v1/messages", upstreamPort, { bodyBytes: prompt.length }), prompt];
const base = { upstreamPort, forMs };
const watched: ReadonlySet<ArmName> = new Set(["direct", "intercept", "intercept-unwatched"]);

const loads = {
  json32: { targets: names, run: (name: ArmName) => rate(rig.arm(name), { ...base, connections: 32, request: json }) },
  json1: { targets: names, run: (name: ArmName) => rate(rig.arm(name), { ...base, connections: 1, request: json }) },
  model32: {
    targets: names.filter((name) => watched.has(name)),
    run: (name: ArmName) => rate(rig.arm(name), { ...base, connections: 32, request: ask }),
  },
  connect8: { targets: names, run: (name: ArmName) => connectionRate(rig.arm(name), { ...base, connections: 8 }) },
} as const;

// A proxy runs for days: what is measured is compiled code.
for (const name of names.filter((one) => one !== "direct")) {
  await rate(rig.arm(name), { upstreamPort, forMs: warmMs, connections: 32, request: json });
  if (watched.has(name)) await rate(rig.arm(name), { upstreamPort, forMs: warmMs / 2, connections: 32, request: ask });
}
const result: Record<string, unknown> = {};
for (const [load, { targets, run }] of Object.entries(loads)) {
  if (onlyLoads?.includes(load) === false) continue;
  const samples = new Map<ArmName, Rate[]>();
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? targets : targets.toReversed();
    for (const name of order) samples.set(name, [...(samples.get(name) ?? []), await run(name)]);
  }
  const blind = samples.get("blind")?.map(({ perSecond }) => perSecond);
  const direct = samples.get("direct")?.map(({ perSecond }) => perSecond);
  const unwatched = samples.get("intercept-unwatched")?.map(({ perSecond }) => perSecond);
  const table = [...samples].map(([name, list]) => {
    const rates = list.map(({ perSecond }) => perSecond);
    const line = {
      perSecond: Math.round(quantile(rates, 0.5)),
      lowest: Math.round(Math.min(...rates)),
      highest: Math.round(Math.max(...rates)),
      ofBlind: blind === undefined ? undefined : ratio(rates, blind),
      ofDirect: direct === undefined ? undefined : ratio(rates, direct),
      ofUnwatched: unwatched === undefined || name !== "intercept" ? undefined : ratio(rates, unwatched),
      meanMs:
        Math.round(
          quantile(
            list.map(({ meanMs }) => meanMs),
            0.5,
          ) * 1000,
        ) / 1000,
      p99Ms:
        Math.round(
          quantile(
            list.map(({ p99Ms }) => p99Ms),
            0.5,
          ) * 100,
        ) / 100,
      cpuMicroseconds:
        name === "direct"
          ? undefined
          : Math.round(
              quantile(
                list.map(({ cpuMicroseconds }) => cpuMicroseconds),
                0.5,
              ),
            ),
    };
    console.error(load, name, JSON.stringify(line));
    return [name, line];
  });
  result[load] = Object.fromEntries(table);
}
console.log(JSON.stringify({ rounds, ...rig.conditions(), result }));
