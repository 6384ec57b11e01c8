import { execFile, spawnSync } from "node:child_process";
import { appendFileSync, existsSync, lstatSync, readdirSync } from "node:fs";
import path from "node:path";

import type { Session } from "@clauderon/core/contract";
import { describe, expect, test } from "vitest";

import { environmentOf, ProxiedHome } from "./proxied-home.ts";
import { until } from "./until.ts";

const LONG_MS = 240_000;
const secret = "sk-ant-REAL-9d31b0c6f2";
const models = "https://api.anthropic.com/v1/models";
const { DOCKER_HOST: host = "", CLAUDERON_TEST_IMAGE: image = "", CLAUDERON_REQUIRE: required = "" } = process.env;
const build = path.join(import.meta.dirname, "../../../packages/guest/build-guest.ts");

/** What Docker's own program prints; not waited for in a way that would stop the vendor of the test. */
function docker(...args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile("docker", args, { encoding: "utf8", timeout: 60_000 }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

/** Whether the real engine, an image and a guest are here. */
function hasDocker(): boolean {
  const isBuilt = (): boolean => spawnSync(process.execPath, [build, "--check"]).status === 0;
  const hasGuest = isBuilt() || (spawnSync(process.execPath, [build]).status === 0 && isBuilt());
  if (hasGuest && host !== "" && image !== "" && spawnSync("docker", ["image", "inspect", image]).status === 0)
    return true;
  const why = `not run: sessions in Docker (${hasGuest ? "DOCKER_HOST and CLAUDERON_TEST_IMAGE name no engine with an image" : "no Go to build the guest with"})`;
  if (required.split(/[\s,]+/u).includes("docker")) throw new Error(why);
  process.stdout.write(`${why}\n`);
  return false;
}

async function open(): Promise<ProxiedHome> {
  const home = await ProxiedHome.open();
  appendFileSync(
    path.join(home.home, "config.toml"),
    `[agents.shell]\ncommand = ["sh"]\n[agents.claude]\ncommand = ["sh", "-c", '${claude}', "claude"]\n[docker]\nendpoint = "${host}"\ndefault_image = "${image}"\npull_policy = "never"\n[docker.limits]\nmemory = "512m"\n`,
  );
  home.configure();
  home.storeSecret("anthropic", secret);
  return home;
}

/** Stands for the real one in the image: keeps what it was called with, and the file that its settings are in. */
const claude =
  'printf "%s\\n" "$@" >argv; while [ "$1" != --settings ]; do shift; done; cat "$2" >settings; ls -ln "$2" >modes';

async function out(session: Session, ...argv: readonly [string, ...string[]]): Promise<string> {
  const { stdout, stderr, exitCode } = await session.exec(argv);
  if (exitCode !== 0) throw new Error(`${argv.join(" ")}: ${exitCode} ${stderr}`);
  return stdout;
}

describe.runIf(hasDocker())("a session in Docker", () => {
  test(
    "has its own git, the proxy as its only way out, no secret, and leaves nothing",
    async () => {
      await using home = await open();
      await home.run();
      await using client = home.client();
      const name = `fix-${process.pid}`;
      const container = `clauderon-${name}`;
      const request = { name, repository: home.repository, backend: "docker", agent: "shell" } as const;
      const session = await client.sessions.create(request);
      const { id, workspace } = await session.detail();

      const environment = await environmentOf(session);
      expect(environment).toMatchObject({
        HTTP_PROXY: "http://host.docker.internal:3030",
        HTTPS_PROXY: "http://host.docker.internal:3030",
        SSL_CERT_FILE: "/etc/clauderon/proxy-ca.pem",
        NODE_EXTRA_CA_CERTS: "/etc/clauderon/proxy-ca.pem",
        REQUESTS_CA_BUNDLE: "/etc/clauderon/proxy-ca.pem",
        HOME: "/home/agent",
      });
      expect(JSON.stringify(environment)).not.toContain(secret);
      expect(await docker("inspect", container)).not.toContain(environment["ANTHROPIC_API_KEY"] ?? "nothing");

      // By the guest's exec, and by the engine's own.
      expect(await out(session, "curl", "-sS", "--noproxy", "*", "http://host.docker.internal:3030")).toContain(
        "clauderon",
      );
      const byHand = await docker(
        "exec",
        container,
        "curl",
        "-sS",
        "--noproxy",
        "*",
        "http://host.docker.internal:3030",
      );
      expect(byHand).toContain("clauderon");
      const key = `x-api-key: ${environment["ANTHROPIC_API_KEY"] ?? ""}`;
      expect(await out(session, "curl", "-sS", models, "-H", key)).toMatch(/^you sent /u);
      expect(home.seen.at(-1)?.headers["x-api-key"]).toBe(secret);
      expect(await docker("exec", container, "curl", "-sS", models, "-H", key)).toMatch(/^you sent /u);
      const around = await session.exec([
        "curl",
        "-sS",
        "--noproxy",
        "*",
        "--max-time",
        "5",
        `https://172.17.0.1:${home.vendorPort}/`,
      ]);
      expect(around.exitCode).toBe(7);
      expect((await session.exec(["curl", "-sS", "https://elsewhere.example/"])).stderr).toContain("403");

      expect(await out(session, "sh", "-c", "git status --porcelain; id -u; pwd")).toMatch(/^\d+\n\/workspace\n$/u);
      const commit =
        "echo work > work.txt && git add work.txt && git -c user.name=A -c user.email=a@example.com commit -q -m Work";
      await out(session, "sh", "-c", commit);
      expect(await session.diff({ format: "names" })).toBe("work.txt\n");

      await session.stop();
      expect((await session.detail()).lifecycle).toBe("stopped");
      expect(lstatSync(path.join(workspace, "work.txt")).uid).toBe(process.getuid?.());
      await session.start();
      expect(await out(session, "cat", "work.txt")).toBe("work\n");
      expect(await out(session, "curl", "-sS", models, "-H", key)).toMatch(/^you sent /u);

      await session.delete({ discard: true });
      expect(await docker("ps", "--all", "--quiet", "--filter", `label=dev.clauderon.sandbox=${id}`)).toBe("");
      expect(existsSync(path.join(home.home, "run", "channels", id))).toBe(false);
      expect(readdirSync(path.join(home.home, "state", "docker"))).toEqual([]);
    },
    LONG_MS,
  );

  test(
    "gives the agent its files inside",
    async () => {
      await using home = await open();
      await home.run();
      await using client = home.client();
      const session = await client.sessions.create({
        name: `agent-${process.pid}`,
        repository: home.repository,
        backend: "docker",
        agent: "claude",
        prompt: "Say hello",
        permissionMode: "bypass",
        isHeadless: true,
      });
      await until(async () => (await session.exec(["test", "-s", "modes"])).exitCode === 0, "the agent did not run");
      expect(await out(session, "cat", "settings")).toContain("skipDangerousModePermissionPrompt");
      expect(await out(session, "cat", "modes")).toMatch(/^-rw------- .* \/home\/agent\/\.clauderon-session\//u);
      // As one of its hooks would.
      const report = `printf '{"hook_event_name":"Stop"}' | /opt/clauderon/clauderon-guest hook`;
      await session.exec(["sh", "-c", report]);
      const { id } = await session.detail();
      const told = async (): Promise<boolean> => {
        const events = await Array.fromAsync(client.events({ since: 0, follow: false }));
        return events.some(
          (event) => event.sessionId === id && event.body.type === "agent.reported" && event.body.event === "Stop",
        );
      };
      await until(told, "the hook was not heard");
      expect(await out(session, "cat", "argv")).toContain("Say hello");
      await session.delete({ discard: true });
    },
    LONG_MS,
  );

  test(
    "goes on when the daemon is killed, and is found again",
    async () => {
      await using home = await open();
      await home.run();
      await using client = home.client();
      const name = `kept-${process.pid}`;
      const session = await client.sessions.create({
        name,
        repository: home.repository,
        backend: "docker",
        agent: "shell",
      });
      await session.exec(["sh", "-c", "sleep 1000 & echo $! > /tmp/pid"]);
      process.kill(home.daemonProcess, "SIGKILL");
      await home.daemonEnded();
      await home.run();
      await until(async () => (await session.detail()).lifecycle === "running", "the session was not found again");
      expect(await out(session, "sh", "-c", 'kill -0 "$(cat /tmp/pid)" && echo alive')).toBe("alive\n");
      await docker("rm", "--force", `clauderon-${name}`);
      await until(
        async () => (await session.exec(["true"]).catch(() => undefined)) === undefined,
        "it is still said to run",
      );
      await session.start();
      expect(await out(session, "cat", "/home/agent/nothing").catch((error: Error) => error.message)).toContain(
        "No such file",
      );
      await session.delete({ discard: true });
      expect(await docker("ps", "--all", "--quiet", "--filter", `name=clauderon-${name}`)).toBe("");
    },
    LONG_MS,
  );
});
