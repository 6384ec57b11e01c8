import fc from "fast-check";
import { expect, test } from "vitest";

import { createTerminalMirror, type TerminalMirror, type TerminalSnapshot } from "./terminal-mirror.ts";

const size = { columns: 40, rows: 8 };

function newMirror(onReply: (data: string) => void = () => undefined): Promise<TerminalMirror> {
  return createTerminalMirror({
    size,
    scrollbackRows: 1000,
    onReply,
    onTitle: () => undefined,
    onBell: () => undefined,
  });
}

async function snapshotAfter(text: string): Promise<TerminalSnapshot> {
  const mirror = await newMirror();
  mirror.write(Buffer.from(text), text.length, () => false);
  return new Promise((resolve) => {
    mirror.snapshot(1000, resolve);
  });
}

const ESC = "\u001B";
const snippets = [
  "hello ",
  "\r\n",
  "ünï ☃ 漢字",
  `${ESC}[31mred${ESC}[0m`,
  `${ESC}[?1049h`,
  `${ESC}[?1049l`,
  `${ESC}[?2004h`,
  `${ESC}[?2004l`,
  `${ESC}[?1000h`,
  `${ESC}[?1003h`,
  `${ESC}[?1005h`,
  `${ESC}[?1006h`,
  `${ESC}[?1006l`,
  `${ESC}[?1015h`,
  `${ESC}[?1016h`,
  `${ESC}[?1004h`,
  `${ESC}[?2031h`,
  `${ESC}[?25l`,
  `${ESC}[?25h`,
  `${ESC}[?1h`,
  `${ESC}[3;4H`,
  `${ESC}[5 q`,
  `${ESC}[>1u`,
  `${ESC}[>5u`,
  `${ESC}[<u`,
  `${ESC}[=3;2u`,
  `${ESC}]0;a title\u0007`,
  `${ESC}c`,
];

test("a snapshot written to a fresh terminal gives the same snapshot", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...snippets), { maxLength: 25 }), async (parts) => {
      const first = await snapshotAfter(parts.join(""));
      const second = await snapshotAfter(first.data);
      expect(second.data).toBe(first.data);
    }),
    { numRuns: 150 },
  );
});

test.each([
  ["mouse encodings", `${ESC}[?1006h${ESC}[?1016h`, [`${ESC}[?1006h`, `${ESC}[?1016h`]],
  ["focus and colour scheme reports", `${ESC}[?1004h${ESC}[?2031h`, [`${ESC}[?1004h`, `${ESC}[?2031h`]],
  ["a hidden cursor", `${ESC}[?25l`, [`${ESC}[?25l`]],
  ["the title", `${ESC}]2;some title${ESC}\\`, [`${ESC}]0;some title\u0007`]],
  ["kitty keyboard flags", `${ESC}[>1u${ESC}[>5u`, [`${ESC}[>1u${ESC}[>5u`]],
  ["the cursor's shape", `${ESC}[6 q`, [`${ESC}[6 q`]],
])("a snapshot keeps %s", async (_subject, written, expected) => {
  const { data } = await snapshotAfter(written);
  for (const part of expected) expect(data).toContain(part);
});

test("what was reset is not restored", async () => {
  const { data } = await snapshotAfter(`${ESC}[?1006h${ESC}[?25l${ESC}[>1u${ESC}[6 q${ESC}c`);
  expect(data).toBe("");
});

test("a query is answered only where that is wanted", async () => {
  const replies: string[] = [];
  const mirror = await newMirror((data) => replies.push(data));
  mirror.write(Buffer.from(`${ESC}[c`), 3, () => false);
  mirror.write(Buffer.from(`${ESC}[6n`), 7, () => true);
  mirror.write(Buffer.from(`${ESC}[c`), 10, () => false);
  await mirror.drained(0);
  expect(replies).toEqual([`${ESC}[1;1R`]);
});

test("a snapshot tells the sequence of what is parsed, and 1,000 rows of history", async () => {
  const lines = Array.from({ length: 3000 }, (_, index) => `line ${index}\r\n`).join("");
  const snapshot = await snapshotAfter(lines);
  expect(snapshot.sequence).toBe(lines.length);
  expect(snapshot.data).toContain("line 2000\r\n");
  expect(snapshot.data).not.toContain("line 1900\r\n");
});
