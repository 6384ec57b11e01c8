import { existsSync, readFileSync, statSync } from "node:fs";
import type { ServerResponse } from "node:http";
import path from "node:path";

import { keptSessions } from "@clauderon/proxy/client";
import { describe, expect, test } from "vitest";

import { canConfine, openGuestHome, reportsOf } from "./guest-world.ts";
import { environmentOf } from "./proxied-home.ts";
import { until } from "./until.ts";

const LONG_MS = 180_000;
const secret = "sk-ant-REAL-5f10c2e7aa";
const models = "https://api.anthropic.com/v1/models";

describe.runIf(canConfine("sessions whose only way out is their channel")).each(["socket", "stream"])(
  "a session whose channel is a %s",
  (carrier) => {
    test(
      "reaches the proxy by it, and nothing else; it has no secret, and another session's end leaves it alone",
      async () => {
        await using home = await openGuestHome(carrier, secret);
        await home.run();
        await using client = home.client();
        const session = await client.sessions.create({
          name: "fix",
          repository: home.repository,
          backend: "ward",
          deny: ["elsewhere.example"],
          environment: { HOME: home.root },
          prompt: `write hello.txt ${"x".repeat(140_000)}`,
        });
        const other = await client.sessions.create({ name: "other", repository: home.repository, backend: "ward" });
        const { id } = await session.detail();
        const channel = path.join(home.home, "run", "channels", id);
        const environment = await environmentOf(session);
        const proxyUrl = environment["HTTPS_PROXY"] ?? "";
        expect(proxyUrl).toBe("http://host.docker.internal:3030");
        expect(environment).toMatchObject({ http_proxy: proxyUrl, SSL_CERT_FILE: "/etc/clauderon/proxy-ca.pem" });
        expect(JSON.stringify(environment)).not.toContain(secret);
        expect(readFileSync(path.join(channel, "proxy-ca.pem"), "utf8")).toBe(
          readFileSync(path.join(home.home, "proxy-ca.pem"), "utf8"),
        );
        expect(statSync(path.join(channel, "proxy.sock")).mode & 0o777).toBe(0o666);
        expect(statSync(path.join(channel, "..")).mode & 0o777).toBe(0o700);

        const key = `x-api-key: ${environment["ANTHROPIC_API_KEY"] ?? ""}`;
        const used = await session.exec(["curl", "-sS", models, "-H", key]);
        expect(used.stdout).toMatch(/^you sent /u);
        expect(home.seen.at(-1)?.headers["x-api-key"]).toBe(secret);
        const asked = await session.exec(["curl", "-sS", proxyUrl]);
        expect(asked.stdout).toContain("clauderon");
        const refused = await session.exec(["curl", "-sS", "https://elsewhere.example/"]);
        expect(refused.stderr).toContain("403");
        const around = await session.exec([
          "curl",
          "-sS",
          "--noproxy",
          "*",
          "--max-time",
          "5",
          `https://127.0.0.1:${home.vendorPort}/`,
        ]);
        expect(around.exitCode).toBe(7);

        // Too long for an argument: it comes as a file, where the agent finds it.
        const file = path.join(home.root, ".clauderon-session/prompt.md");
        expect((await session.exec(["head", "-c", "16", file])).stdout).toBe("write hello.txt ");

        await other.delete({ discard: true });
        expect((await session.exec(["curl", "-sS", models, "-H", key])).stdout).toMatch(/^you sent /u);
        await session.delete({ discard: true });
        expect(existsSync(channel)).toBe(false);
        expect(await keptSessions(home.home)).toEqual([]);
      },
      LONG_MS,
    );

    test(
      "goes on when the daemon is killed and when the proxy is",
      async () => {
        await using home = await openGuestHome(carrier, secret);
        await home.run();
        await using client = home.client();
        const session = await client.sessions.create({ name: "fix", repository: home.repository, backend: "ward" });
        const hook =
          'printf "{\\"hook_event_name\\":\\"$1\\",\\"tool_name\\":\\"Bash\\"}" | "$2"/*/clauderon-guest hook';
        const tell = async (event: string): Promise<unknown> =>
          session.exec(["sh", "-c", hook, "sh", event, path.join(home.home, "guest")]);
        await tell("PreToolUse");
        await until(async () => (await reportsOf(client)).length === 1, "the hook's report is no event");
        const answers: ServerResponse[] = [];
        const plain = home.respond;
        home.respond = (_request, response) => {
          response.write("begun ");
          answers.push(response);
        };
        const out = path.join(home.root, "out");
        const script = 'curl -sSN "$1" >"$2" 2>&1 &';
        await session.exec(["sh", "-c", script, "sh", models, out]);
        await until(() => existsSync(out) && readFileSync(out, "utf8") === "begun ", "the answer did not begin");
        process.kill(home.daemonProcess, "SIGKILL");
        await home.daemonEnded();
        await home.run();
        answers[0]?.end("and ended");
        await until(() => readFileSync(out, "utf8") === "begun and ended", "the answer did not go on");
        home.respond = plain;
        process.kill((await home.proxyProcess()) ?? 0, "SIGKILL");
        await until(async () => {
          const { stdout } = await session.exec(["curl", "-sS", "--max-time", "5", models]);
          return stdout.startsWith("you sent");
        }, "the session did not find the new proxy");
        await tell("Stop");
        await until(async () => (await reportsOf(client)).length === 2, "the second report is no event");
        expect(await reportsOf(client)).toEqual(["PreToolUse Bash", "Stop Bash"]);
        await session.delete({ discard: true });
      },
      LONG_MS,
    );
  },
);
