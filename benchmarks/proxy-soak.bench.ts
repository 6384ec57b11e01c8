import { setTimeout as delay } from "node:timers/promises";

import { open, requestHead, Requester } from "./support/proxy/load.ts";
import { Rig } from "./support/proxy/rig.ts";
import { openEvents } from "./support/proxy/streams.ts";
import { quantile } from "./support/statistics.ts";

// Memory and descriptors of the proxy under an agents' mix for a while: `pnpm bench proxy-soak --minutes 10`.
const at = process.argv.indexOf("--minutes");
const minutes = at === -1 ? 1 : Number(process.argv[at + 1]);
if (!(minutes > 0)) throw new Error("--minutes wants a number above 0");
const megabyte = 1024 * 1024;
const to = (value: number): number => Math.round(value * 1000) / 1000;

await using rig = await Rig.start(["direct", "intercept"], { sessions: 20 });
const { port: upstreamPort } = rig.upstream;
const ours = rig.arm("intercept");
const sessions = ours.place.authorizations ?? [];
const prompt = Buffer.from(JSON.stringify({ model: "claude", messages: [{ role: "user", content: "again" }] }));
const endMs = performance.now() + minutes * 60_000;
let requests = 0;
let aborts = 0;
const delays: number[] = [];

/** An agent: some requests on one connection, a stream of events, now and then one that it leaves. */
async function agent(index: number): Promise<void> {
  const authorization = sessions[index % sessions.length];
  for (let turn = 0; performance.now() < endMs; turn++) {
    const requester = new Requester(await open(ours, upstreamPort, { authorization }));
    for (let count = 0; count < 20; count++) {
      await requester.send(requestHead("/json", upstreamPort));
      await requester.send(requestHead("/v1/messages", upstreamPort, { bodyBytes: prompt.length }), prompt);
      requests += 2;
    }
    requester.close();
    const stream = await openEvents(ours, rig, {
      everyMs: 5,
      count: 40,
      authorization,
      onDelay: (delayMs) => delays.push(delayMs),
    });
    await stream.first;
    if (turn % 3 === 0) {
      stream.tls.destroy();
      aborts += 1;
    }
    await stream.ended;
    await delay(400);
  }
}
const samples: { minute: number; residentMebibytes: number; descriptors: number; eventP99Ms: number }[] = [];
const startMs = performance.now();
const sampling = (async () => {
  const everyMs = Math.min(30_000, (minutes * 60_000) / 8);
  while (performance.now() < endMs - everyMs / 2) {
    await delay(everyMs);
    const { residentBytes, descriptors } = await ours.process.facts("settled");
    const part = delays.splice(0);
    const sample = {
      minute: to((performance.now() - startMs) / 60_000),
      residentMebibytes: to(residentBytes / megabyte),
      descriptors,
      eventP99Ms: part.length === 0 ? 0 : to(quantile(part, 0.99)),
    };
    console.error(JSON.stringify(sample));
    samples.push(sample);
  }
})();
await Promise.all(Array.from({ length: 20 }, async (_, index) => agent(index)));
await sampling;

/** Least squares, over the second half: in the first the caches fill. */
function slopePerMinute(values: readonly number[]): number {
  const half = samples.slice(Math.floor(samples.length / 2));
  const ys = values.slice(Math.floor(samples.length / 2));
  const meanX = half.reduce((sum, { minute }) => sum + minute, 0) / half.length;
  const meanY = ys.reduce((sum, value) => sum + value, 0) / ys.length;
  const top = half.reduce((sum, { minute }, index) => sum + (minute - meanX) * ((ys[index] ?? 0) - meanY), 0);
  const bottom = half.reduce((sum, { minute }) => sum + (minute - meanX) ** 2, 0);
  return to(top / bottom);
}
await delay(8000);
const after = await ours.process.facts("settled");
console.log(
  JSON.stringify({
    minutes,
    ...rig.conditions(),
    result: {
      requests,
      aborts,
      residentMebibytesPerMinute: slopePerMinute(samples.map(({ residentMebibytes }) => residentMebibytes)),
      descriptorsPerMinute: slopePerMinute(samples.map(({ descriptors }) => descriptors)),
      afterwards: { residentMebibytes: to(after.residentBytes / megabyte), descriptors: after.descriptors },
      samples,
    },
  }),
);
