import type { HostProcess, HostProcessEvents } from "./host-process.ts";
import { hostLimits, type HostAgentStatus, type HostExit, type HostTerminalSize } from "./host-protocol.ts";
import { HostViewer, type ViewerOptions } from "./host-viewer.ts";
import { ReplayRing } from "./replay-ring.ts";

/** A viewer that takes nothing for so long no longer makes the agent wait. */
const stallMs = 1000;

/** Under flow output waits so long for more, unless that much is there. */
const gatherMs = 2;
const worthwhileBytes = 65_536;
/** So much leaves at once within that time: what answers a key, also of a fast typist or a pasted line. */
const echoBytes = 256;
/** What a message counts at least, so that they stay few. */
const messageBytes = 32;

/** Read buffers lie outside the heap, where the collector sees no hurry: without a push they pile up to many times the ring. */
const collectEveryBytes = 2_097_152;

export interface HostAgentOptions {
  readonly launchId: string;
  readonly mode: "terminal" | "headless";
  readonly size: HostTerminalSize;
}

/** One launch of a sandbox's agent: its process, its output and who looks at it. */
export class HostAgent {
  readonly launchId: string;
  readonly mode: "terminal" | "headless";
  readonly ring: ReplayRing = new ReplayRing(hostLimits.ringBytes);
  readonly events: HostProcessEvents;
  readonly #startedAtMs = Date.now();
  readonly #viewers = new Set<HostViewer>();
  readonly #waiters = new Set<() => void>();
  #size: HostTerminalSize;
  #process: HostProcess | undefined;
  #processId: number | undefined;
  #exit: HostExit | undefined;
  #isFlushing = false;
  #windowStartedAt = 0;
  #sentInWindow = 0;
  #unflushed = 0;
  #sinceCollection = 0;
  #stall: NodeJS.Timeout | undefined;
  #gathering: NodeJS.Timeout | undefined;

  constructor(options: HostAgentOptions) {
    this.launchId = options.launchId;
    this.mode = options.mode;
    this.#size = options.size;
    this.events = {
      output: (source, bytes) => {
        this.ring.append(bytes, source);
        this.#unflushed += bytes.length;
        this.#sinceCollection += bytes.length;
        if (this.#sinceCollection >= collectEveryBytes) {
          this.#sinceCollection = 0;
          collectGarbage("minor");
        }
        this.#scheduleFlush();
      },
      end: (exit) => this.#end(exit),
    };
  }

  get isRunning(): boolean {
    return this.#exit === undefined;
  }

  get exit(): HostExit | undefined {
    return this.#exit;
  }

  get processId(): number | undefined {
    return this.#processId;
  }

  status(): HostAgentStatus {
    return {
      state: this.#exit === undefined ? "running" : "exited",
      launchId: this.launchId,
      processId: this.#processId,
      startedAtMs: this.#startedAtMs,
      exit: this.#exit,
      mode: this.mode,
      size: this.#size,
    };
  }

  started(process: HostProcess): void {
    this.#process = process;
    this.#processId = process.processId;
  }

  attach(options: ViewerOptions): HostViewer {
    const viewer = new HostViewer(this, options);
    this.#viewers.add(viewer);
    this.#scheduleFlush();
    return viewer;
  }

  detach(viewer: HostViewer): void {
    this.#viewers.delete(viewer);
    this.regulate();
  }

  resize(size: HostTerminalSize): void {
    this.#size = size;
    this.#process?.resize(size);
  }

  input(bytes: Buffer, done: () => void): void {
    if (this.#process === undefined || this.mode === "headless") done();
    else this.#process.write(bytes, done);
  }

  /** Calls back at the end, at once when that has been; the result takes the waiter away. */
  onEnd(waiter: () => void): () => void {
    if (!this.isRunning) waiter();
    else this.#waiters.add(waiter);
    return () => this.#waiters.delete(waiter);
  }

  /** Lets the agent write on, or wait for a viewer that is paused or behind. */
  regulate(): void {
    const behind = [...this.#viewers].filter((viewer) => viewer.isBehind);
    const isHeld = [...this.#viewers].some((viewer) => viewer.isPaused) || behind.length > 0;
    for (const source of ["stdout", "stderr"] as const) this.#process?.setFlowing(source, !isHeld);
    if (behind.length === 0) {
      clearTimeout(this.#stall);
      this.#stall = undefined;
      return;
    }
    if (this.#stall !== undefined) return;
    for (const viewer of behind) viewer.hasProgress = false;
    this.#stall = setTimeout(() => {
      this.#stall = undefined;
      for (const viewer of this.#viewers) if (viewer.isBehind && !viewer.hasProgress) viewer.isLagging = true;
      this.regulate();
    }, stallMs);
  }

  #end(exit: HostExit): void {
    this.#exit = exit;
    this.#process = undefined;
    collectGarbage("major");
    clearTimeout(this.#stall);
    clearTimeout(this.#gathering);
    for (const waiter of this.#waiters) waiter();
    this.#waiters.clear();
    for (const viewer of this.#viewers) viewer.flush();
  }

  /** What comes after a silence leaves at once, and so does a little; of a flood, which comes in small pieces, so much as is worth a message. */
  #scheduleFlush(): void {
    const isEnough = this.#unflushed >= worthwhileBytes || !this.#isFlood();
    if (this.#isFlushing && (!isEnough || this.#gathering === undefined)) return;
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    this.#isFlushing = true;
    const flush = (): void => this.#flush();
    if (isEnough) setImmediate(flush);
    else this.#gathering = setTimeout(flush, gatherMs);
  }

  #isFlood(): boolean {
    const now = performance.now();
    if (now - this.#windowStartedAt >= gatherMs) {
      this.#windowStartedAt = now;
      this.#sentInWindow = 0;
    }
    return this.#sentInWindow > 0 && this.#sentInWindow + this.#unflushed > echoBytes;
  }

  #flush(): void {
    this.#isFlushing = false;
    this.#gathering = undefined;
    this.#sentInWindow += Math.max(this.#unflushed, messageBytes);
    this.#unflushed = 0;
    for (const viewer of this.#viewers) viewer.flush();
    this.regulate();
  }
}

/** Does nothing unless the program was started with `--expose-gc`, as it is. */
function collectGarbage(type: "major" | "minor"): void {
  globalThis.gc?.({ type, execution: "sync" });
}
