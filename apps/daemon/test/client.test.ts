import type { Client, TtyConnection, TtyEnd } from "@clauderon/core";
import { createClient } from "@clauderon/core";
import type { Session } from "@clauderon/core/contract";
import { afterAll, beforeAll, expect, test } from "vitest";

import { openRig, type DaemonRig } from "./daemon-rig.ts";
import { until as untilTrue } from "./until.ts";

let rig: DaemonRig;
let session: Session;
beforeAll(async () => {
  rig = await openRig();
  session = await rig.client.sessions.create({ repository: rig.repository, name: "shared", prompt: "say hello" });
});
afterAll(() => rig.close());

const until = (condition: () => boolean | Promise<boolean>): Promise<void> =>
  untilTrue(condition, `never true: ${condition.toString()}`, 40_000);

interface View {
  readonly connection: TtyConnection;
  readonly seen: () => string;
  readonly controls: string[];
}

async function view(client: Client = rig.client, pace?: () => Promise<void>): Promise<View> {
  let text = "";
  const controls: string[] = [];
  const connection = await client.attach(session.id, {
    size: { columns: 100, rows: 30 },
    async onOutput(bytes) {
      text += Buffer.from(bytes).toString();
      await pace?.();
    },
    onSnapshot(snapshot) {
      text += snapshot.data;
    },
    onControl: (control) => controls.push(control.type),
  });
  return { connection, controls, seen: () => text };
}

test("10 MiB go into a command and come out of it again", async () => {
  const input = Buffer.alloc(10 * 1024 * 1024, "0123456789abcdef\n");
  const result = await session.exec(["cat"], { input });
  expect(result.exitCode).toBe(0);
  expect(Buffer.from(result.stdout).equals(input)).toBe(true);
}, 120_000);

test("both streams, exit codes, signals and a missing program are told", async () => {
  expect(await session.exec(["sh", "-c", "echo out; echo err >&2; exit 7"])).toMatchObject({
    exitCode: 7,
    stdout: "out\n",
    stderr: "err\n",
  });
  expect((await session.exec(["no-such-program"])).exitCode).toBe(127);
  const sleeping = await session.spawn(["sleep", "600"]);
  await sleeping.kill("SIGKILL");
  expect((await sleeping.exit).exitCode).toBe(137);
  const slow = await session.spawn(["sleep", "600"], { timeoutMs: 200 });
  expect(await slow.exit).toMatchObject({ isTimedOut: true });
});

test("a command that prints more than is read waits, and is not lost", async () => {
  const process = await session.spawn(["sh", "-c", "head -c 8388608 /dev/zero; echo done >&2"]);
  const stderr = new Response(process.stderr).text();
  let total = 0;
  for await (const bytes of process.stdout) total += bytes.byteLength;
  expect(total).toBe(8_388_608);
  expect(await stderr).toBe("done\n");
});

test("arguments arrive as they are", async () => {
  const argv = ["-n", "", " a b ", "'\"$(x)`", "a\nb", "--", "é漢😀"];
  const result = await session.exec([
    "node",
    "-e",
    "console.log(JSON.stringify(process.argv.slice(1)))",
    "--",
    ...argv,
  ]);
  expect(JSON.parse(result.stdout)).toEqual(argv);
});

test("an aborted wait rejects with the signal's reason, and the command goes on", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  controller.abort(reason);
  await expect(session.exec(["true"], { signal: controller.signal })).rejects.toBe(reason);
  await expect(rig.client.sessions.list({ signal: controller.signal })).rejects.toBe(reason);
});

test("viewers share a terminal; what one types the other sees", async () => {
  await using first = (await view()).connection;
  const watching = await view();
  await using second = watching.connection;
  await first.input(Buffer.from("good morning\r"));
  await until(() => watching.seen().includes("heard: good morning"));
  await second.input(Buffer.from("me too\r"));
  await until(() => watching.controls.includes("input-refused"));
  second.takeControl();
  await second.input(Buffer.from("mine\r"));
  await until(() => watching.seen().includes("heard: mine"));
});

test("D18: a size beyond reason ends the view", async () => {
  const { connection } = await view();
  connection.resize({ columns: 65_535, rows: 65_535 });
  expect(await connection.ended).toMatchObject({ kind: "failed" });
});

test("D18: 20 reconnects of many viewers leave no view behind", async () => {
  for (let round = 0; round < 20; round += 1) {
    const views = await Promise.all([view(), view(), view()]);
    await Promise.all(views.map(({ connection }) => connection.close()));
  }
  await until(async () => (await rig.client.dismissViewers(session.id)) === 0);
});

test("D18: a session's terminal is not reached by another's id", async () => {
  const other = await rig.client.sessions.create({ repository: rig.repository, name: "other" });
  const unknown = rig.client.attach("00000000-0000-4000-8000-000000000000", {
    onOutput: () => undefined,
    onSnapshot: () => undefined,
  });
  await expect(unknown).rejects.toMatchObject({ code: "session.not-found" });
  let text = "";
  const connection = await rig.client.attach(other.id, {
    onOutput: (bytes) => void (text += Buffer.from(bytes).toString()),
    onSnapshot: (snapshot) => void (text += snapshot.data),
  });
  await until(() => text !== "");
  expect(text).not.toContain("good morning");
  await connection.close();
  await other.delete({ discard: true });
});

test("dismissed viewers are told so and do not come back", async () => {
  const { connection } = await view();
  expect(await rig.client.dismissViewers(session.id)).toBe(1);
  expect(await connection.ended).toEqual({ kind: "closed" } satisfies TtyEnd);
});

test("a wrong token is refused with what to do", async () => {
  await using stranger = createClient({ url: rig.daemon.file.url, token: "x".repeat(43) });
  await expect(stranger.sessions.list()).rejects.toMatchObject({ code: "authentication.required" });
  await expect(
    stranger.attach(session.id, { onOutput: () => undefined, onSnapshot: () => undefined }),
  ).rejects.toMatchObject({
    code: "daemon.unreachable",
  });
});

test("without a daemon, and without leave to start one, it says how", async () => {
  await using client = createClient({ homeDirectory: `${rig.root}/nowhere`, startDaemon: false });
  await expect(client.sessions.list()).rejects.toMatchObject({
    code: "daemon.unreachable",
    fix: ["start it: clauderon daemon start"],
  });
});

test("the agent's end closes the view with its code", async () => {
  const watching = await view();
  watching.connection.takeControl();
  await watching.connection.input(Buffer.from("exit 5\r"));
  expect(await watching.connection.ended).toEqual({ kind: "exited", exitCode: 5 });
});
