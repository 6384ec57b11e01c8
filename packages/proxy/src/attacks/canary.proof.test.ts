import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { canaryEncoders, scanBytes } from "@clauderon/core/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openProxyHome } from "../process/open-proxy-home.ts";
import { http2Through } from "../transport/testing/http2-client.fixture.ts";
import { sandboxWiring } from "../wiring/sandbox-wiring.ts";
import type { AttackCase, WireCase } from "./harness/attack-case.fixture.ts";
import { http2Host, startAttackWorld, type AttackWorld } from "./harness/attack-world.fixture.ts";
import { canaries } from "./harness/planted-secrets.fixture.ts";
import { runCase } from "./harness/run-case.fixture.ts";
import { chunkedAnswer, eventStream, pieces, webSocketAnswer, wholeAnswer } from "./harness/written-answers.fixture.ts";
import { upgradeRequest, webSocketLines } from "./tables/upgrades.fixture.ts";

const encodings = Object.entries(canaryEncoders);

interface Source {
  readonly kept: string;
  readonly secret: string;
  readonly host: string;
  readonly path: string;
  readonly method?: string;
}

const sources: readonly Source[] = [
  { kept: "the environment", secret: canaries.github, host: "api.github.com", path: "/user" },
  {
    kept: "the environment, as Basic",
    secret: canaries.github,
    host: "github.com",
    path: "/a/b.git/info/refs?service=git-upload-pack",
  },
  { kept: "the environment, for a registry", secret: canaries.npm, host: "npm.example.com", path: "/left-pad" },
  {
    kept: "the environment, for Gemini",
    secret: canaries.gemini,
    host: "generativelanguage.googleapis.com",
    path: "/v1beta/models",
  },
  { kept: "a file", secret: canaries.sentry, host: "eu.sentry.example", path: "/api/0" },
  { kept: "1Password", secret: canaries.pypi, host: "upload.pypi.org", path: "/legacy/", method: "POST" },
  { kept: "the keyring", secret: canaries.vault, host: "vault.example", path: "/" },
  {
    kept: "the login of the Codex CLI",
    secret: canaries.codexAccess,
    host: "chatgpt.com",
    path: "/backend-api/codex/models",
  },
];

let world: AttackWorld;
beforeAll(async () => {
  world = await startAttackWorld();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

function request({ host, path, method = "GET" }: Source, answer: readonly Buffer[]): AttackCase & WireCase {
  const length = method === "GET" ? "" : "Content-Length: 0\r\n";
  const send = `${method} ${path} HTTP/1.1\r\nHost: TARGET\r\n${length}\r\n`;
  return { what: "", way: "tunnel", target: `${host}:443`, send, answer, never: /evil/u, sees: "200" };
}

describe.each(sources)("a secret kept in $kept", (source) => {
  it("reaches its host, and no client in any encoding, however the answer is cut", async () => {
    for (const [encoding, encode] of encodings) {
      const body = Buffer.concat([Buffer.from("before "), encode(source.secret), Buffer.from(" behind")]);
      for (const answer of [[wholeAnswer(body)], chunkedAnswer(body, 5), eventStream(body, body.length)]) {
        const { through, seen, bytes } = await runCase(request(source, answer), world);
        expect({ encoding, through, seen }).toEqual({ encoding, through: undefined, seen: "200" });
        expect(bytes.length).toBeGreaterThan(body.length);
      }
    }
    const sent = Buffer.from(world.upstreams.gateway.text, "latin1");
    expect(scanBytes(sent, source.secret).length).toBeGreaterThan(0);
  });

  it("reaches no client in frames of a WebSocket", async () => {
    const isModel = source.host === "chatgpt.com";
    for (const [, encode] of encodings) {
      const answer = webSocketAnswer(pieces(Buffer.concat([encode(source.secret), Buffer.from(" behind")]), 3));
      const send = upgradeRequest(webSocketLines).replace(
        "/ws",
        isModel ? "/backend-api/codex/responses" : source.path,
      );
      const { through } = await runCase({ ...request(source, answer), send }, world);
      expect(through).toBeUndefined();
    }
  });
});

it("a secret reaches no client of HTTP/2, in DATA frames that cut it", async () => {
  const { port, ca, authorization } = world.subject;
  const session = await http2Through(
    { port, ca, authorization: authorization("listed") },
    { target: `${http2Host}:443` },
  );
  for (const [encoding, encode] of encodings) {
    world.upstreams.http2.respond = ({ stream }) => {
      stream.respond({ ":status": 200, "x-echo": canaries.openai }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-end": canaries.openai }));
      for (const piece of pieces(encode(canaries.openai), 3)) stream.write(piece);
      stream.end();
    };
    const stream = session.request({ ":path": "/v1/models", ":authority": http2Host });
    const got: Buffer[] = [];
    stream.on("response", (headers) => got.push(Buffer.from(JSON.stringify(headers))));
    stream.on("trailers", (headers) => got.push(Buffer.from(JSON.stringify(headers))));
    stream.on("data", (chunk: Buffer) => got.push(chunk));
    await once(stream, "close");
    const bytes = Buffer.concat(got);
    expect({ encoding, found: scanBytes(bytes, canaries.openai) }).toEqual({ encoding, found: [] });
    expect(bytes.length).toBeGreaterThan(40);
  }
  expect(JSON.stringify(world.upstreams.http2.calls.map(({ headers }) => headers))).toContain(canaries.openai);
  session.close();
});

describe("what sessions and users are given", () => {
  function found(bytes: Buffer): readonly string[] {
    return Object.entries(canaries).flatMap(([name, value]) =>
      scanBytes(bytes, value).map((form) => `${name} ${form}`),
    );
  }

  it("the environment and the files of a session's process hold no secret", async () => {
    const { rules, secrets } = await world.client.call("wiring", {});
    for (const agent of ["claude", "codex", "gemini", "other"] as const) {
      const wiring = sandboxWiring({
        agent,
        sessionId: "listed",
        proxyUrl: `http://listed:${"t".repeat(43)}@127.0.0.1:${world.subject.port}`,
        caBundlePath: join(world.home, "proxy-ca.pem"),
        home: world.userHome,
        rules,
        secrets: new Set(secrets),
        now: new Date().toISOString(),
      });
      const child = spawn("sleep", ["60"], { env: { PATH: process.env["PATH"], ...wiring.environment } });
      await once(child, "spawn");
      const environ = await readFile(`/proc/${child.pid}/environ`);
      child.kill("SIGKILL");
      expect(environ.toString()).toContain("placeholder");
      expect(found(environ)).toEqual([]);
      expect(found(Buffer.from(JSON.stringify(wiring)))).toEqual([]);
    }
  });

  it("neither do the answers of the library: explanations, lists, the log, errors", async () => {
    const environment = { ANTHROPIC_API_KEY: canaries.anthropic, GITHUB_TOKEN: canaries.github };
    const home = await openProxyHome({ home: world.home, userHome: world.userHome, environment });
    const answers: unknown[] = [await home.secrets.list(), await home.sessions(), home.settings];
    for (const source of sources) {
      answers.push(
        home.explain({
          url: `https://${source.host}${source.path}`,
          method: source.method,
          identity: world.identity("listed"),
        }),
      );
    }
    for await (const record of home.log({ count: 10_000 })) answers.push(record);
    expect(answers.length).toBeGreaterThan(50);
    expect(found(Buffer.from(JSON.stringify(answers)))).toEqual([]);
  });

  it("the log of the process and the audit exist and hold none", async () => {
    for (const name of ["audit.jsonl", "logs/proxy.log"]) {
      const bytes = await readFile(join(world.home, name));
      expect(bytes.length).toBeGreaterThan(0);
      expect(found(bytes)).toEqual([]);
    }
  });
});
