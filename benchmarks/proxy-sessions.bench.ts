import { setTimeout as delay } from "node:timers/promises";

import { open, requestHead, Requester } from "./support/proxy/load.ts";
import { Rig } from "./support/proxy/rig.ts";
import { openEvents } from "./support/proxy/streams.ts";
import { quantile } from "./support/statistics.ts";

// Many sessions with streams of events at once; and what is left behind by clients that leave in the middle, or read slowly.
const streamsPerSession = 5;
const eventMs = 50;
const megabyte = 1024 * 1024;
const to = (value: number): number => Math.round(value * 100) / 100;

await using rig = await Rig.start(["direct", "blind", "intercept"], { sessions: 100 });
const { port: upstreamPort } = rig.upstream;
const ours = rig.arm("intercept");
const fresh = (await ours.process.facts("settled")).descriptors;

async function streams(name: "blind" | "intercept", sessions: number): Promise<object> {
  const arm = rig.arm(name);
  const delays: number[] = [];
  const before = await arm.process.facts();
  const opened = [];
  for (let session = 0; session < sessions; session++) {
    const authorization = arm.place.authorizations?.[session];
    for (let index = 0; index < streamsPerSession; index++)
      opened.push(
        await openEvents(arm, rig, {
          everyMs: eventMs,
          count: 100,
          authorization,
          onDelay: (delayMs) => delays.push(delayMs),
        }),
      );
  }
  await Promise.all(opened.map(async ({ ended }) => ended));
  const after = await arm.process.facts();
  return {
    sessions,
    events: delays.length,
    p50Ms: to(quantile(delays, 0.5)),
    p99Ms: to(quantile(delays, 0.99)),
    cpuMicrosecondsPerEvent: Math.round((after.cpuMicroseconds - before.cpuMicroseconds) / delays.length),
    residentMebibytes: Math.round(after.residentBytes / megabyte),
  };
}
const scale: object[] = [];
for (const sessions of [1, 20, 100])
  for (const name of ["blind", "intercept"] as const) {
    const line = { arm: name, ...(await streams(name, sessions)) };
    console.error(JSON.stringify(line));
    scale.push(line);
  }

/** Both ends have closed what they had; looked at until it is so, at most this long. */
async function settled(wanted: number): Promise<number> {
  for (let tries = 0; ; tries++) {
    const { descriptors } = await ours.process.facts("settled");
    if (descriptors <= wanted || tries >= 40) return descriptors;
    await delay(500);
  }
}
const start = await settled(fresh);
let aborted = 0;
await Promise.all(
  Array.from({ length: 50 }, async () => {
    while (aborted < 2000) {
      aborted += 1;
      const isEarly = aborted % 3 === 0;
      const tls = await open(ours, upstreamPort);
      tls.on("error", () => undefined);
      tls.write(requestHead(aborted % 2 === 0 ? "/1m" : "/sse?every=5&count=1000", upstreamPort));
      // Some leave before anything was sent on, some in the middle of the answer.
      if (!isEarly) await new Promise((resolve) => tls.once("data", resolve));
      tls.destroy();
    }
  }),
);
const requester = new Requester(await open(ours, upstreamPort));
await requester.send(requestHead("/json", upstreamPort));
requester.close();
const storm = {
  aborts: aborted,
  descriptorsBefore: start,
  descriptorsAfter: await settled(start),
  nextRequest: "answered",
};
console.error(JSON.stringify(storm));

const slowBytes = 40 * megabyte;
const memoryBefore = (await ours.process.facts("settled")).residentBytes;
const slow = await open(ours, upstreamPort);
slow.on("error", () => undefined);
slow.write(requestHead(`/download?bytes=${slowBytes}`, upstreamPort));
let received = 0;
let highest = memoryBefore;
slow.pause();
while (received < slowBytes * 0.9) {
  const budget = megabyte / 4;
  for (let taken = 0; taken < budget;) {
    const chunk = slow.read() as Buffer | null;
    if (chunk === null) {
      await Promise.race([new Promise((resolve) => slow.once("readable", resolve)), delay(200)]);
      continue;
    }
    taken += chunk.length;
    received += chunk.length;
  }
  highest = Math.max(highest, (await ours.process.facts()).residentBytes);
  await delay(50);
}
slow.destroy();
const slowReader = { megabytesPerSecond: 5, residentGrowthMebibytes: to((highest - memoryBefore) / megabyte) };
console.error(JSON.stringify(slowReader));
console.log(JSON.stringify({ streamsPerSession, eventMs, ...rig.conditions(), result: { scale, storm, slowReader } }));
