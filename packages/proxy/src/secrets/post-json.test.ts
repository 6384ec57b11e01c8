import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from "vitest";

import { readWayOut } from "../process/upstream-settings.ts";
import {
  answer,
  startRecordingUpstream,
  upstreamAuthority,
  type RecordingUpstream,
} from "../transport/testing/recording-upstream.fixture.ts";
import { createPostJson, type PostJson } from "./post-json.ts";

const url = "https://auth.openai.com/oauth/token";
let root: string;
let vendor: RecordingUpstream;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "clauderon-post-json-"));
  await writeFile(join(root, "ca.pem"), upstreamAuthority.certificatePem);
  vendor = await startRecordingUpstream({
    name: "auth.openai.com",
    respond: ({ socket, text }) => {
      if (text.endsWith('{"a":1}')) socket.write(answer('{"b":2}'));
    },
  });
});
afterAll(async () => {
  await vendor[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});
beforeEach(() => vendor.clear());

function poster(
  given: { readonly extraCa?: readonly string[]; readonly upstream?: string; readonly origin?: string },
  environment: Record<string, string> = {},
): PostJson {
  const upstreams = given.origin === undefined ? {} : { "auth.openai.com": given.origin };
  const settings = { extraCa: given.extraCa ?? [join(root, "ca.pem")], upstreams, upstream: given.upstream };
  return createPostJson(async () => readWayOut(settings, environment));
}

/** The network's own proxy, the only way to the vendor. */
async function corporateProxy(): Promise<{ readonly port: number; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (bytes) => {
      asked.push(bytes.toString());
      const to = connect(vendor.port, "127.0.0.1");
      to.on("error", () => undefined);
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(to).pipe(socket);
    });
  }).listen(0, "127.0.0.1");
  await new Promise((listening) => void server.once("listening", listening));
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, asked };
}

it.each(["proxy.toml", "the environment"])(
  "B3 goes through the network's own proxy, named in %s, to an authority of the user's",
  async (where) => {
    const { port, asked } = await corporateProxy();
    const proxyUrl = `http://me:word@127.0.0.1:${port}`;
    const post = where === "proxy.toml" ? poster({ upstream: proxyUrl }) : poster({}, { HTTPS_PROXY: proxyUrl });
    expect(await post(url, { a: 1 })).toEqual({ status: 200, text: '{"b":2}' });
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatch(/^CONNECT auth\.openai\.com:443 HTTP\/1\.1\r\n[^]*Basic bWU6d29yZA==/iu);
    expect(vendor.text).toMatch(/^POST \/oauth\/token HTTP\/1\.1\r\n/u);
  },
);

it("B3 goes to the gateway that stands in for the host, past the network's own proxy", async () => {
  const gateway = await startRecordingUpstream({
    name: "localhost",
    respond: ({ socket, text }) => {
      if (text.endsWith('{"a":1}')) socket.write(answer('{"b":3}'));
    },
  });
  onTestFinished(async () => gateway[Symbol.asyncDispose]());
  const { port, asked } = await corporateProxy();
  const post = poster({ origin: `https://localhost:${gateway.port}`, upstream: `http://127.0.0.1:${port}` });
  expect(await post(url, { a: 1 })).toEqual({ status: 200, text: '{"b":3}' });
  expect(asked).toEqual([]);
});

it("sends nothing to whom nobody vouches for", async () => {
  const { port } = await corporateProxy();
  await expect(poster({ extraCa: [], upstream: `http://127.0.0.1:${port}` })(url, { a: 1 })).rejects.toThrow(
    /certificate/u,
  );
  expect(vendor.text).toBe("");
});
