import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { startClientWorld, type ClientWorld } from "./client-world.ts";
import { startTlsUpstream, type Serve, type TlsUpstream } from "./package-upstream.ts";
import { runsClient } from "./required-client.ts";

const secret = "ghp_REAL31f0aa";
const hosts = { github: "api.github.com", aws: "s3.corp.example" };
const isOwnKey = /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\//u;
const buckets =
  '<?xml version="1.0"?><ListAllMyBucketsResult><Owner><ID>me</ID></Owner><Buckets><Bucket><Name>corp-bucket</Name><CreationDate>2026-01-01T00:00:00.000Z</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>';
let upstream: TlsUpstream;
let world: ClientWorld;

const answers =
  (isKnown: (authorization: string) => boolean, type: string, body: (path: string) => string): Serve =>
  (request, response) => {
    request.resume();
    request.once("end", () => {
      const isRefused = !isKnown(request.headers.authorization ?? "");
      response
        .writeHead(isRefused ? 401 : 200, { "content-type": type })
        .end(isRefused ? "{}" : body(request.url ?? ""));
    });
  };

beforeAll(async () => {
  const person = { login: "octo-session" };
  upstream = await startTlsUpstream({
    [hosts.github]: answers(
      (given) => given === `Bearer ${secret}`,
      "application/json",
      (path) => JSON.stringify(path === "/graphql" ? { data: { viewer: person } } : person),
    ),
    // No rule knows it: it takes what the client has itself.
    [hosts.aws]: answers(
      (given) => isOwnKey.test(given),
      "application/xml",
      () => buckets,
    ),
  });
  world = await startClientWorld({
    origins: { [hosts.github]: upstream.port, [hosts.aws]: upstream.port },
    secrets: { GITHUB_TOKEN: secret },
    allow: [hosts.aws],
  });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});
beforeEach(() => {
  upstream.seen.length = 0;
});

interface ToolClient {
  readonly name: string;
  readonly title: string;
  readonly argv: readonly [string, ...string[]];
  readonly environment?: Readonly<Record<string, string>>;
  readonly says: string;
  readonly given: RegExp;
}

const query = "query=query { viewer { login } }";
const gh = { name: "gh", says: "octo-session", given: new RegExp(`^Bearer ${secret}$`, "u") };
const tools: readonly ToolClient[] = [
  { ...gh, title: "gh, REST", argv: ["gh", "api", "user"] },
  { ...gh, title: "gh, GraphQL", argv: ["gh", "api", "graphql", "-f", query] },
  {
    name: "aws",
    title: "the AWS CLI, with a key of its own",
    argv: ["aws", "s3", "ls", "--endpoint-url", `https://${hosts.aws}`],
    environment: { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "own", AWS_DEFAULT_REGION: "us-east-1" },
    says: "corp-bucket",
    given: isOwnKey,
  },
];

describe("C3 tools of vendors work where the proxy looks into their requests", () => {
  for (const { name, title, argv, environment, says, given } of tools.filter((tool) =>
    runsClient(tool.name, [tool.argv[0], "--version"]),
  ))
    it(title, async () => {
      const { code, output } = await world.run(argv, { environment: { ...environment } });
      expect({ name, code, output }).toEqual({ name, code: 0, output: expect.stringContaining(says) as string });
      expect(upstream.seen.map(({ authorization }) => authorization)).toEqual([expect.stringMatching(given)]);
      expect(output).not.toContain(secret);
      expect(await world.written()).not.toContain(secret);
    });
});
