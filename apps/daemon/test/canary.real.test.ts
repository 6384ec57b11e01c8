import { existsSync, readdirSync, readFileSync } from "node:fs";
import { request as ask, type IncomingMessage, type ServerResponse } from "node:http";
import path from "node:path";

import { createClient } from "@clauderon/core";
import type { CreateSessionRequest, TerminalStream } from "@clauderon/core/contract";
import { scanBytes } from "@clauderon/core/testing";
import { openProxyHome } from "@clauderon/proxy";
import { describe, expect, test } from "vitest";

import { ProxiedHome } from "./proxied-home.ts";
import { until } from "./until.ts";

const {
  CLAUDERON_TEST_AGENTS: programs = "",
  CLAUDERON_TEST_MODEL_URL: modelUrl = "",
  CLAUDERON_TEST_MODEL_KEY: modelKey = "",
  CLAUDERON_REQUIRE: required = "",
} = process.env;

const LONG_MS = 240_000;
/** The agent prints all that its tools can see of their own process and of those above it. */
const look =
  "cat /proc/self/environ /proc/$PPID/environ /proc/$PPID/cmdline | base64 -w 0 > seen.txt; env; cat seen.txt";
const prompt = `%think 2000\n%run ${look}\n%write hello.txt ok\n%say done`;

/** The real credentials: two that are kept in files, two that stand in the daemon's own environment. */
const canaries = {
  anthropic: 'sk-ant-CANARY/7c41+d2&"q"=9f',
  openai: "sk-CANARY-openai-55ab01",
  github: "ghp_CANARYgithub3e77a0",
  npm: "npm_CANARYregistry19c4",
} as const;

type Case = Pick<CreateSessionRequest, "permissionMode" | "budget"> & {
  readonly agent: string;
  readonly key: keyof typeof canaries;
};

const cases: readonly Case[] = [
  { agent: "claude", permissionMode: "bypass", key: "anthropic" },
  // With a budget it asks over HTTP, which is what plays the vendor here.
  { agent: "codex", permissionMode: "bypass", budget: "500ktokens", key: "openai" },
];

/** What was collected, by where it came from. */
class Collection {
  readonly #found = new Map<string, number>();
  readonly #places = new Map<string, number>();

  add(place: string, bytes: Buffer | string): void {
    const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes);
    this.#places.set(place, (this.#places.get(place) ?? 0) + buffer.length);
    const decoded = Buffer.from(buffer.toString("latin1"), "base64");
    for (const [name, value] of Object.entries(canaries))
      for (const encoding of [
        ...scanBytes(buffer, value),
        ...scanBytes(decoded, value).map((form) => `base64, ${form}`),
      ])
        this.#found.set(`${name} in ${place}: ${encoding}`, 1);
  }

  addJson(place: string, value: unknown): void {
    this.add(place, JSON.stringify(value));
  }

  get hits(): readonly string[] {
    return [...this.#found.keys()];
  }

  sizeOf(place: string): number {
    return this.#places.get(place) ?? 0;
  }
}

/** Arguments and environments of all processes of the home: those of sessions, their host, the proxy. */
function addProcesses(collection: Collection, home: ProxiedHome, isOwn: (processId: number) => boolean): void {
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/u.test(entry) && !isOwn(Number(entry)))) {
    try {
      const environment = readFileSync(`/proc/${name}/environ`);
      const command = readFileSync(`/proc/${name}/cmdline`);
      if (!environment.includes(home.root) && !command.includes(home.root)) continue;
      // It starts programs for the daemon, with the daemon's environment, and is no part of a session.
      if (command.includes("command-helper")) continue;
      collection.add("/proc environ", environment);
      collection.add("/proc cmdline", command);
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Every file under the home but those that are the secrets. The home lives: one that is replaced meanwhile is read under its new name. */
function addFiles(collection: Collection, home: ProxiedHome): void {
  const read = new Set<string>();
  let hasLost: boolean;
  do {
    hasLost = false;
    for (const entry of readdirSync(home.root, { recursive: true, withFileTypes: true })) {
      const file = path.join(entry.parentPath, entry.name);
      if (!entry.isFile() || read.has(file) || file.startsWith(path.join(home.home, "secrets"))) continue;
      const content = readIfPresent(file);
      if (content === undefined) {
        hasLost = true;
        continue;
      }
      read.add(file);
      const isState = /\.(?:db|sqlite)(?:-wal|-shm)?$/u.test(file);
      const isLog = /\.(?:log|jsonl)$/u.test(file);
      collection.add(isState ? "state database" : isLog ? "logs" : "files", content);
    }
  } while (hasLost);
}

function readIfPresent(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Stands for the vendor: takes the real credential alone, and says it back wherever an answer has room. */
function vendorOf(key: string, taken: string[]): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const { "x-api-key": header, authorization, host: _host, ...headers } = request.headers;
    const given = typeof header === "string" ? header : (authorization ?? "").replace(/^Bearer /u, "");
    taken.push(given);
    const credential = given === key ? { "x-api-key": modelKey, authorization: `Bearer ${modelKey}` } : {};
    const { method, url } = request;
    const forwarded = ask(`${modelUrl}${url ?? "/"}`, { method, headers: { ...headers, ...credential } }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, { ...answer.headers, "x-echo": given });
      answer.pipe(response);
    });
    forwarded.once("error", () => response.destroy());
    response.once("close", () => forwarded.destroy());
    request.pipe(forwarded);
  };
}

async function readTerminal(terminal: TerminalStream, collection: Collection): Promise<void> {
  for await (const chunk of terminal.output) collection.addJson("terminal", chunk);
}

describe.each(cases)("the real $agent", ({ agent, permissionMode, budget, key }) => {
  const isThere = existsSync(path.join(programs, agent)) && modelUrl !== "";
  if (!isThere)
    process.stdout.write(
      `not run: canaries with the real ${agent} (CLAUDERON_TEST_AGENTS, CLAUDERON_TEST_MODEL_URL and _KEY say where it is)\n`,
    );
  const isRequired = required.split(/[\s,]+/u).some((word) => word === agent || word === "agents");

  (isThere || isRequired ? test : test.skip)(
    "works with credentials that no answer, log, file or process of its session holds in any encoding",
    async () => {
      await using home = await ProxiedHome.open();
      home.configure();
      home.storeSecret("anthropic", canaries.anthropic);
      home.storeSecret("openai", canaries.openai);
      const taken: string[] = [];
      home.respond = vendorOf(canaries[key], taken);
      const own = {
        PATH: `${programs}:${process.env["PATH"] ?? ""}`,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        IS_SANDBOX: "1",
      };
      await home.run({ ...own, GITHUB_TOKEN: canaries.github, NPM_TOKEN: canaries.npm });
      const collection = new Collection();
      // The daemon's own environment is the user's, who put two of them there; the proxy gets them another way.
      const isOwn = (processId: number): boolean => processId === home.daemonProcess || processId === process.pid;
      const scanProcesses = (): void => addProcesses(collection, home, isOwn);

      await using client = createClient({
        homeDirectory: home.home,
        environment: { ...home.environment, ...own },
        startDaemon: false,
      });
      const { repository } = home;
      const base = { name: "fix", repository, agent, permissionMode, prompt, isHeadless: true };
      const session = await client.sessions.create({ ...base, ...(budget === undefined ? {} : { budget }) });
      const bare = await client.sessions.create({ name: "bare", repository });
      const terminal = await bare.terminal();
      const read = readTerminal(terminal, collection);
      const execute = async (argv: readonly [string, ...string[]]): Promise<void> =>
        collection.addJson("exec", await bare.exec(argv));
      await execute(["env"]);
      await execute(["sh", "-c", "cat /proc/self/environ /proc/$PPID/environ | base64 -w 0"]);
      await execute(["curl", "-sS", "-i", "--max-time", "30", "https://api.anthropic.com/v1/models"]);
      collection.add("the proxy's environ", readFileSync(`/proc/${await home.proxyProcess()}/environ`));
      await terminal.input(new TextEncoder().encode("say from the keyboard\r"));
      await until(
        async () => {
          scanProcesses();
          return (await session.detail()).lifecycle !== "running";
        },
        "the agent does not end",
        120_000,
      );
      scanProcesses();
      await until(() => collection.sizeOf("terminal") > 0, "the terminal says nothing");

      const detail = await session.detail();
      const words = await session.text();
      expect({ words, detail }).toMatchObject({ detail: { lifecycle: "stopped", exitCode: 0 } });
      expect(readFileSync(path.join(detail.workspace, "hello.txt"), "utf8")).toBe("ok\n");
      // What the agent itself could read of its process, in the clear.
      collection.add(
        "seen by the agent",
        Buffer.from(readFileSync(path.join(detail.workspace, "seen.txt"), "utf8"), "base64"),
      );
      expect(taken).toContain(canaries[key]);
      expect(new Set(taken)).toEqual(new Set([canaries[key], ...(key === "anthropic" ? [] : [canaries.anthropic])]));

      collection.add("API", words);
      collection.addJson("API", [detail, await bare.text(), await client.sessions.list(), await client.daemon()]);
      collection.addJson("API", [await session.budget(), await bare.detail({ withWorkspace: true })]);
      const proxyHome = await openProxyHome({ home: home.home, userHome: home.root, environment: {} });
      for await (const record of proxyHome.log({ count: 10_000 })) collection.addJson("audit", record);
      addFiles(collection, home);
      await terminal.close();
      await read;
      collection.addJson("API", await session.delete({ discard: true }));
      collection.addJson("API", await bare.delete({ discard: true }));
      for await (const event of client.events({ since: 0, follow: false })) collection.addJson("events", event);
      addFiles(collection, home);

      expect(collection.hits).toEqual([]);
      const places = [
        "API",
        "audit",
        "events",
        "exec",
        "files",
        "logs",
        "seen by the agent",
        "state database",
        "terminal",
      ];
      for (const place of [...places, "/proc environ", "/proc cmdline", "the proxy's environ"])
        expect({ place, isSeen: collection.sizeOf(place) > 0 }).toEqual({ place, isSeen: true });
      // The search can find: the one file that holds it does.
      const control = new Collection();
      control.add("secrets", readFileSync(path.join(home.home, "secrets", key)));
      expect(control.hits.length).toBeGreaterThan(0);
    },
    LONG_MS,
  );
});
