import type { ProcessExit, TerminalSize } from "@clauderon/core/contract";

import type { TerminalHub, Viewer, ViewerNotice, ViewerRequest } from "../src/hub/terminal-hub.ts";
import { createTerminalMirror, type TerminalMirror, type TerminalSnapshot } from "../src/hub/terminal-mirror.ts";

/** A viewer with a terminal of its own, which can be asked what it shows. */
export interface RecordingViewer {
  readonly viewer: Viewer;
  readonly notices: readonly ViewerNotice[];
  readonly snapshots: readonly TerminalSnapshot[];
  /** Sequence after the last byte received. */
  readonly end: number;
  readonly received: string;
  readonly ended: ProcessExit | string | undefined;
  /** The next input sequence. */
  type(text: string): void;
  screen(): Promise<string>;
  /** Resolves when the condition holds; rejects after 10 s. */
  until(condition: (viewer: RecordingViewer) => boolean): Promise<void>;
}

const DEADLINE_MS = 30_000;
const POLL_MS = 5;

export async function attachRecorder(
  hub: TerminalHub,
  options: Omit<ViewerRequest, "sink" | "sessionId"> & {
    readonly sessionId?: string;
    readonly acknowledges?: boolean;
  },
): Promise<RecordingViewer> {
  const notices: ViewerNotice[] = [];
  const snapshots: TerminalSnapshot[] = [];
  const size: TerminalSize = options.size ?? { columns: 80, rows: 24 };
  let mirror: TerminalMirror = await newMirror(size);
  let end = 0;
  let received = "";
  let ended: ProcessExit | string | undefined;
  let inputSequence = 0;
  let listeners: (() => void)[] = [];
  let queue: Promise<void> = Promise.resolve();
  let viewer: Viewer | undefined;

  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  const acknowledge = (): void => {
    if (options.acknowledges !== false) viewer?.acknowledge(end);
  };

  viewer = await hub.attach({
    sessionId: "session",
    ...options,
    sink: {
      output(sequence, bytes) {
        if (sequence !== end && snapshots.length > 0) throw new Error(`gap: ${end} then ${sequence}`);
        end = sequence + bytes.byteLength;
        received += Buffer.from(bytes).toString("latin1");
        queue = queue.then(() => mirror.write(bytes, 0, () => false));
        acknowledge();
        changed();
      },
      snapshot(snapshot) {
        snapshots.push(snapshot);
        end = snapshot.sequence;
        queue = queue.then(async () => {
          mirror = await newMirror(snapshot);
          mirror.write(Buffer.from(snapshot.data), 0, () => false);
        });
        acknowledge();
        changed();
      },
      notice(notice) {
        notices.push(notice);
        changed();
      },
      end(exit) {
        ended = exit;
        changed();
      },
      close(reason) {
        ended = reason;
        changed();
      },
    },
  });
  const attached = viewer;

  const recorder: RecordingViewer = {
    viewer: attached,
    notices,
    snapshots,
    get end() {
      return end;
    },
    get received() {
      return received;
    },
    get ended() {
      return ended;
    },
    type(text) {
      inputSequence += 1;
      attached.input(inputSequence, Buffer.from(text));
    },
    async screen() {
      await queue;
      return new Promise((resolve) => {
        mirror.snapshot(1000, (snapshot) => resolve(snapshot.data));
      });
    },
    until(condition) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          clearInterval(poll);
          reject(new Error(`not within ${DEADLINE_MS} ms; received ${JSON.stringify(received.slice(-200))}`));
        }, DEADLINE_MS);
        // Some conditions are about the terminal's side, where nothing calls back.
        const poll = setInterval(() => check(), POLL_MS);
        const check = (): void => {
          if (!condition(recorder)) return;
          clearTimeout(timer);
          clearInterval(poll);
          listeners = listeners.filter((listener) => listener !== check);
          resolve();
        };
        listeners.push(check);
        check();
      });
    },
  };
  if (options.since === undefined)
    await recorder.until((seen) => seen.snapshots.length > 0 || seen.ended !== undefined);
  return recorder;
}

function newMirror(size: TerminalSize): Promise<TerminalMirror> {
  return createTerminalMirror({
    size: { columns: size.columns, rows: size.rows },
    scrollbackRows: 1000,
    onReply: () => undefined,
    onTitle: () => undefined,
    onBell: () => undefined,
  });
}
