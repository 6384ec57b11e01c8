import { afterEach, beforeEach, expect, it } from "vitest";

import { startRecordingUpstream, type RecordingUpstream } from "./testing/recording-upstream.fixture.ts";
import {
  identity,
  isWholeAnswer,
  openPolicy,
  readUntil,
  realSecret,
  startTestProxy,
  testEngine,
  tlsThrough,
  type TestProxy,
} from "./testing/test-proxy.fixture.ts";

let upstream: RecordingUpstream;
let test: TestProxy;
let asked: PromiseWithResolvers<void>;
let given: PromiseWithResolvers<string>;

beforeEach(async () => {
  asked = Promise.withResolvers();
  given = Promise.withResolvers();
  upstream = await startRecordingUpstream();
  test = await startTestProxy({
    // A secret that its program is slow to give.
    readSecret: async () => {
      asked.resolve();
      return given.promise;
    },
    engine: testEngine({
      request: (asker) =>
        asker.policy.network === "none"
          ? { kind: "refuse", refusal: { status: 403, code: "network-none", message: "none", fix: "none" } }
          : undefined,
    }),
  });
});
afterEach(async () => {
  await test[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

it.each([
  ["is refused by the policy that holds when it would be sent", "none", "403"],
  ["goes on under a policy that lets it pass, too", "open", "200"],
] as const)("a request that waited for its secret %s", async (_name, network, status) => {
  const target = `api.test:${upstream.port}`;
  const tls = await tlsThrough(test, { target });
  const read = readUntil(tls, isWholeAnswer);
  tls.write(`GET /x HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
  await asked.promise;
  await test.proxy.identities.update(identity("s1", { ...openPolicy, network }));
  given.resolve(realSecret);
  expect((await read).text.slice(9, 12)).toBe(status);
  expect(upstream.text.includes(realSecret)).toBe(status === "200");
  tls.destroy();
});
