import { randomUUID } from "node:crypto";

import { expect, onTestFinished, test } from "vitest";

import { createPtyTerminal, type PtyTerminal } from "../../test/pty-terminal.ts";
import { attachRecorder, type RecordingViewer } from "../../test/recording-viewer.ts";
import { createTerminalHub, type TerminalHub } from "./terminal-hub.ts";

interface Rig {
  readonly hub: TerminalHub;
  readonly opened: PtyTerminal[];
}

function rig(argv: readonly [string, ...string[]], { hasEnded = false }: { readonly hasEnded?: boolean } = {}): Rig {
  const opened: PtyTerminal[] = [];
  const hub = createTerminalHub({
    async open(_sessionId, { size }) {
      const stream = createPtyTerminal(argv, size);
      opened.push(stream);
      if (hasEnded) await stream.ended;
      return { stream, kind: "bytes", epoch: randomUUID() };
    },
  });
  onTestFinished(() => hub.close());
  return { hub, opened };
}

const script = (code: string): readonly [string, ...string[]] => [process.execPath, "-e", code];
const sees = (text: string) => (viewer: RecordingViewer) =>
  viewer.received.includes(text) || viewer.snapshots.some((snapshot) => snapshot.data.includes(text));

test("a terminal is opened by the first viewer and closed with the last", async () => {
  const { hub, opened } = rig(["cat"]);
  expect(opened.length).toBe(0);
  const first = await attachRecorder(hub, { clientId: "a" });
  const second = await attachRecorder(hub, { clientId: "b" });
  expect([opened.length, hub.openCount]).toEqual([1, 1]);
  first.viewer.detach();
  expect(hub.openCount).toBe(1);
  second.viewer.detach();
  expect(hub.openCount).toBe(0);
  await opened[0]?.ended;
  await attachRecorder(hub, { clientId: "a" });
  expect(opened.length).toBe(2);
});

test("input reaches the agent and every viewer shows the same screen", async () => {
  const { hub } = rig(["cat"]);
  const first = await attachRecorder(hub, { clientId: "a" });
  first.type("one\r");
  await first.until(sees("one\r\none"));
  const second = await attachRecorder(hub, { clientId: "b" });
  await second.until(sees("one"));
  first.type("two\r");
  await Promise.all([first.until(sees("two\r\ntwo")), second.until(sees("two\r\ntwo"))]);
  expect(await second.screen()).toBe(await first.screen());
});

test("an input that is sent again is applied once", async () => {
  const { hub, opened } = rig(["cat"]);
  const viewer = await attachRecorder(hub, { clientId: "a" });
  viewer.viewer.input(1, Buffer.from("x\r"));
  viewer.viewer.input(1, Buffer.from("x\r"));
  viewer.viewer.input(2, Buffer.from("y\r"));
  await viewer.until((seen) => seen.notices.some((notice) => notice.type === "input" && notice.sequence === 2));
  expect(opened[0]?.inputs).toEqual(["x\r", "y\r"]);
});

test("a spectator's input is refused until the controller leaves or it takes control", async () => {
  const { hub, opened } = rig(["cat"]);
  const first = await attachRecorder(hub, { clientId: "a" });
  const second = await attachRecorder(hub, { clientId: "b" });
  second.type("no\r");
  await second.until((seen) => seen.notices.some((notice) => notice.type === "input-refused"));
  second.viewer.control(true);
  expect(first.notices).toContainEqual({ type: "controller", isController: false, hasController: true });
  second.type("taken\r");
  await second.until(sees("taken\r\ntaken"));
  second.viewer.detach();
  first.type("mine\r");
  await first.until(sees("mine\r\nmine"));
  expect(opened[0]?.inputs).toEqual(["taken\r", "mine\r"]);
});

test("a resize reaches the agent once, a storm of them only with its last size", async () => {
  const { hub, opened } = rig(
    script(`process.stdin.resume();
    process.stdout.on("resize", () => console.log("size " + process.stdout.columns + " " + process.stdout.rows)); console.log("up");`),
  );
  const viewer = await attachRecorder(hub, { clientId: "a", size: { columns: 80, rows: 24 } });
  await viewer.until(sees("up"));
  for (let columns = 100; columns <= 300; columns += 1) viewer.viewer.resize({ columns, rows: 30 });
  viewer.viewer.resize({ columns: 300, rows: 30 });
  await viewer.until(sees("size 300 30"));
  expect(opened[0]?.resizes.length).toBeLessThanOrEqual(2);
  expect(opened[0]?.resizes.at(-1)).toEqual({ columns: 300, rows: 30 });
});

test("only the controller's size counts", async () => {
  const { hub, opened } = rig(["cat"]);
  await attachRecorder(hub, { clientId: "a", size: { columns: 100, rows: 40 } });
  const spectator = await attachRecorder(hub, { clientId: "b", size: { columns: 20, rows: 5 } });
  spectator.viewer.resize({ columns: 21, rows: 6 });
  spectator.viewer.control(true);
  await spectator.until(() => opened[0]?.resizes.length === 1 || spectator.notices.length > 0);
  spectator.type("x");
  await spectator.until((seen) => seen.notices.some((notice) => notice.type === "input"));
  expect(opened[0]?.resizes).toEqual([{ columns: 21, rows: 6 }]);
});

test("the controller's silence pauses the agent; its acknowledgement lets it go on", async () => {
  const { hub, opened } = rig(
    script(
      `let n = 0; const step = () => { if (n++ < 60) return process.stdout.write("x".repeat(9999) + "\\n", step); }; process.stdin.once("data", step)`,
    ),
  );
  const viewer = await attachRecorder(hub, { clientId: "a", acknowledges: false });
  viewer.type("\r");
  await viewer.until(() => opened[0]?.pauses.at(-1) === true);
  const atPause = viewer.end;
  expect(atPause).toBeLessThan(400_000);
  const pump = (): boolean => {
    viewer.viewer.acknowledge(viewer.end);
    return viewer.end >= 600_000;
  };
  await viewer.until(pump);
  expect(opened[0]?.pauses).toContain(false);
});

test("a spectator that shows nothing does not hold up the agent, and gets a snapshot when it has caught up", async () => {
  const { hub, opened } = rig(
    script(
      `let n = 0; const step = () => { if (n++ < 300) return process.stdout.write(String(n).padStart(9999, ".") + "\\n", step); console.log("finished"); }; process.stdin.once("data", step)`,
    ),
  );
  const controller = await attachRecorder(hub, { clientId: "a" });
  const spectator = await attachRecorder(hub, { clientId: "b", acknowledges: false });
  controller.type("\r");
  await controller.until(sees("finished"));
  expect(opened[0]?.pauses.filter(Boolean).length ?? 0).toBe(opened[0]?.pauses.filter((is) => !is).length ?? 0);
  expect(spectator.received.length).toBeLessThanOrEqual(1_000_000);
  spectator.viewer.acknowledge(spectator.end);
  await spectator.until(sees("finished"));
  expect(spectator.snapshots.length).toBe(2);
  expect(await spectator.screen()).toBe(await controller.screen());
});

test("after a reconnect output goes on where it stopped, without a snapshot", async () => {
  const { hub } = rig(["cat"]);
  const keeper = await attachRecorder(hub, { clientId: "keeper" });
  const first = await attachRecorder(hub, { clientId: "a" });
  keeper.type("one\r");
  await first.until(sees("one\r\none\r\n"));
  const hello = first.notices.find((notice) => notice.type === "hello");
  const epoch = hello?.type === "hello" ? hello.epoch : "";
  const position = first.end;
  first.viewer.detach();
  keeper.type("two\r");
  await keeper.until(sees("two\r\ntwo\r\n"));
  const again = await attachRecorder(hub, { clientId: "a", since: { epoch, sequence: position } });
  await again.until((seen) => seen.received === "two\r\ntwo\r\n");
  expect(again.snapshots).toEqual([]);
  const foreign = await attachRecorder(hub, { clientId: "c", since: { epoch: "another", sequence: position } });
  await foreign.until((seen) => seen.snapshots.length === 1);
});

test("the same client attaching again replaces its first connection", async () => {
  const { hub } = rig(["cat"]);
  const first = await attachRecorder(hub, { clientId: "a" });
  const second = await attachRecorder(hub, { clientId: "a" });
  expect(first.ended).toBe("replaced");
  second.type("x\r");
  await second.until(sees("x\r\nx"));
});

test("the agent's end reaches every viewer with its code, after the last output", async () => {
  const { hub } = rig(
    script(
      `process.stdin.once("data", () => { console.log("bye"); process.exitCode = 7; process.stdin.destroy(); }); console.log("up")`,
    ),
  );
  const first = await attachRecorder(hub, { clientId: "a" });
  const second = await attachRecorder(hub, { clientId: "b" });
  await Promise.all([first.until(sees("up")), second.until(sees("up"))]);
  first.type("\r");
  await Promise.all([
    first.until((seen) => seen.ended !== undefined),
    second.until((seen) => seen.ended !== undefined),
  ]);
  expect(first.ended).toEqual({ exitCode: 7, isTimedOut: false });
  expect(second.ended).toEqual({ exitCode: 7, isTimedOut: false });
  expect(sees("bye")(second)).toBe(true);
  expect(hub.openCount).toBe(0);
});

test("a viewer of an agent that has ended already sees its last screen, then the end", async () => {
  const { hub } = rig(["printf", "the last words"], { hasEnded: true });
  const viewer = await attachRecorder(hub, { clientId: "a" });
  await viewer.until((seen) => seen.ended !== undefined);
  expect(await viewer.screen()).toContain("the last words");
  expect(viewer.ended).toEqual({ exitCode: 0, isTimedOut: false });
});

test("a query is answered by the mirror only while nobody controls", async () => {
  const asks = script(`process.stdin.setRawMode(true); process.stdin.on("data", (data) => {
    if (data.toString() === "?") process.stdout.write("\\u001b[6n"); else console.log("got", JSON.stringify(data.toString())); }); console.log("up")`);
  const { hub, opened } = rig(asks);
  const viewer = await attachRecorder(hub, { clientId: "a" });
  const spectator = await attachRecorder(hub, { clientId: "b" });
  await spectator.until(sees("up"));
  viewer.type("?");
  await viewer.until((seen) => seen.received.includes("\u001B[6n"));
  viewer.type("x");
  await viewer.until(sees(`got "x"`));
  expect(opened[0]?.inputs).toEqual(["?", "x"]);
  viewer.viewer.control(false);
  await opened[0]?.input(Buffer.from("?"));
  await spectator.until(sees('got "\\u001b['));
});

test("more input than an agent that reads none can be owed ends the connection", async () => {
  const { hub, opened } = rig(["cat"]);
  const viewer = await attachRecorder(hub, { clientId: "a" });
  await viewer.until((seen) => seen.snapshots.length === 1);
  const terminal = opened[0];
  if (terminal === undefined) throw new Error("nothing was opened");
  terminal.input = () => new Promise(() => undefined);
  for (let index = 1; index <= 10; index += 1) viewer.viewer.input(index, new Uint8Array(1_000_000));
  expect(viewer.ended).toBe("slow");
});

test("a failing open rejects the attach and is tried anew by the next", async () => {
  let attempts = 0;
  const hub = createTerminalHub({
    async open() {
      attempts += 1;
      if (attempts === 1) throw new Error("not yet");
      return { stream: createPtyTerminal(["cat"]), kind: "bytes", epoch: "1" };
    },
  });
  onTestFinished(() => hub.close());
  await expect(attachRecorder(hub, { clientId: "a" })).rejects.toThrow("not yet");
  await attachRecorder(hub, { clientId: "a" });
  expect(attempts).toBe(2);
});
