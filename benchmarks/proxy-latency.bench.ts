import { open, requestHead, Requester } from "./support/proxy/load.ts";
import { benchDomain, type ArmName } from "./support/proxy/place.ts";
import { Rig } from "./support/proxy/rig.ts";
import { openEvents } from "./support/proxy/streams.ts";
import { quantile } from "./support/statistics.ts";

// What a client waits for: a host never seen before, an event of a stream, bytes of a large body; and how soon the upstream hears that the client left.
const names: readonly ArmName[] = ["direct", "blind", "tunnel", "intercept", "mockttp", "http-mitm-proxy"];
const megabyte = 1024 * 1024;
const to = (value: number): number => Math.round(value * 100) / 100;

await using rig = await Rig.start(names);
const { port: upstreamPort } = rig.upstream;

/** Runs each arm in turn, round by round. */
async function interleave<T>(
  rounds: number,
  targets: readonly ArmName[],
  run: (name: ArmName, round: number) => Promise<T>,
): Promise<Map<ArmName, T[]>> {
  const all = new Map<ArmName, T[]>();
  for (let round = 0; round < rounds; round++)
    for (const name of round % 2 === 0 ? targets : targets.toReversed())
      all.set(name, [...(all.get(name) ?? []), await run(name, round)]);
  return all;
}

async function fetchOnce(name: ArmName, host: string): Promise<number> {
  const startMs = performance.now();
  const requester = new Requester(await open(rig.arm(name), upstreamPort, { host }));
  const elapsedMs = performance.now() - startMs;
  await requester.send(requestHead("/json", upstreamPort, { host }));
  requester.close();
  return elapsedMs;
}

// Warm: what is measured is the host, not the program.
for (const name of names) for (let count = 0; count < 30; count++) await fetchOnce(name, `warm.${benchDomain}`);
const stalls = new Map<ArmName, number>();
for (const name of names) await rig.arm(name).process.facts();
const handshakes = await interleave(50, names, async (name, round) => {
  const cold = await fetchOnce(name, `cold${round}.${benchDomain}`);
  return { cold, warm: await fetchOnce(name, `cold${round}.${benchDomain}`) };
});
for (const name of names) stalls.set(name, (await rig.arm(name).process.facts()).stallMs);
const coldLeaf = Object.fromEntries(
  [...handshakes].map(([name, list]) => {
    const cold = list.map((one) => one.cold);
    const warm = list.map((one) => one.warm);
    const line = {
      p50Ms: to(quantile(cold, 0.5)),
      p95Ms: to(quantile(cold, 0.95)),
      warmP50Ms: to(quantile(warm, 0.5)),
      longestStallMs: name === "direct" ? undefined : to(stalls.get(name) ?? 0),
    };
    return [name, line];
  }),
);
console.error("cold leaf", JSON.stringify(coldLeaf));

const events = await interleave(4, names, async (name) => {
  const delays: number[] = [];
  const startMs = performance.now();
  const stream = await openEvents(rig.arm(name), rig, {
    everyMs: 4,
    count: 400,
    onDelay: (delayMs) => delays.push(delayMs),
  });
  await stream.first;
  const firstMs = performance.now() - startMs;
  await stream.ended;
  return { delays, firstMs };
});
const directEvents = events.get("direct") ?? [];
const directDelays = directEvents.flatMap(({ delays }) => delays);
const sse = Object.fromEntries(
  [...events].map(([name, list]) => {
    const delays = list.flatMap((one) => one.delays);
    return [
      name,
      {
        p50Ms: to(quantile(delays, 0.5)),
        p99Ms: to(quantile(delays, 0.99)),
        addedP99Ms: to(quantile(delays, 0.99) - quantile(directDelays, 0.99)),
        addedFirstEventMs: to(
          quantile(
            list.map(({ firstMs }) => firstMs),
            0.5,
          ) -
            quantile(
              directEvents.map(({ firstMs }) => firstMs),
              0.5,
            ),
        ),
      },
    ];
  }),
);
console.error("sse", JSON.stringify(sse));

const cancelled: (() => void)[] = [];
rig.upstreamProcess.child.on("message", (message: { readonly cancelledAt?: string }) => {
  if (message.cancelledAt !== undefined) cancelled.shift()?.();
});
const aborts = await interleave(12, names, async (name) => {
  const stream = await openEvents(rig.arm(name), rig, { everyMs: 5, count: 100_000 });
  await stream.first;
  const startMs = performance.now();
  const heard = new Promise<boolean>((resolve) => {
    cancelled.push(() => resolve(true));
    setTimeout(() => resolve(false), 500).unref();
  });
  stream.tls.destroy();
  const isHeard = await heard;
  if (!isHeard) cancelled.length = 0;
  return isHeard ? performance.now() - startMs : Number.POSITIVE_INFINITY;
});
const abortToCancel = Object.fromEntries(
  [...aborts].map(([name, list]) => {
    const max = Math.max(...list);
    return [name, { p50Ms: to(quantile(list, 0.5)), maxMs: Number.isFinite(max) ? to(max) : "not within 0.5 s" }];
  }),
);
console.error("abort → cancel", JSON.stringify(abortToCancel));

async function transfer(name: ArmName, parts: readonly (string | Buffer)[], bytes: number): Promise<number> {
  const requester = new Requester(await open(rig.arm(name), upstreamPort));
  const startMs = performance.now();
  await requester.send(...parts);
  const perSecond = bytes / megabyte / ((performance.now() - startMs) / 1000);
  requester.close();
  return perSecond;
}
const bulkBytes = 32 * megabyte;
const upload = Buffer.alloc(bulkBytes, "x");
const bulkLoads = {
  download: [requestHead(`/download?bytes=${bulkBytes}`, upstreamPort)],
  upload: [requestHead("/upload", upstreamPort, { bodyBytes: bulkBytes }), upload],
};
const bulk: Record<string, unknown> = {};
for (const [load, parts] of Object.entries(bulkLoads)) {
  const rates = await interleave(5, names, async (name) => transfer(name, parts, bulkBytes));
  const direct = rates.get("direct") ?? [];
  bulk[load] = Object.fromEntries(
    [...rates].map(([name, list]) => [
      name,
      {
        megabytesPerSecond: Math.round(quantile(list, 0.5)),
        ofDirect: to(
          quantile(
            list.map((rate, round) => rate / (direct[round] ?? Number.NaN)),
            0.5,
          ),
        ),
      },
    ]),
  );
  console.error(load, JSON.stringify(bulk[load]));
}
const many = await interleave(5, names, async (name) => {
  const requesters = await Promise.all(
    Array.from({ length: 8 }, async () => new Requester(await open(rig.arm(name), upstreamPort))),
  );
  const startMs = performance.now();
  await Promise.all(
    requesters.map(async (requester) => {
      for (let count = 0; count < 15; count++) await requester.send(requestHead("/1m", upstreamPort));
    }),
  );
  const perSecond = (8 * 15) / ((performance.now() - startMs) / 1000);
  for (const requester of requesters) requester.close();
  return perSecond;
});
const directMany = many.get("direct") ?? [];
bulk["mebibyte8"] = Object.fromEntries(
  [...many].map(([name, list]) => [
    name,
    {
      perSecond: Math.round(quantile(list, 0.5)),
      ofDirect: to(
        quantile(
          list.map((rate, round) => rate / (directMany[round] ?? Number.NaN)),
          0.5,
        ),
      ),
    },
  ]),
);
console.error("1 MiB", JSON.stringify(bulk["mebibyte8"]));
console.log(JSON.stringify({ ...rig.conditions(), result: { coldLeaf, sse, abortToCancel, bulk } }));
