import type { HostConnection, HostStream } from "./host-connection.ts";
import { signalProcessGroup, type HostProcess, type HostProcessEvents } from "./host-process.ts";
import {
  frameTypes,
  HostError,
  hostLimits,
  sources,
  type HostExit,
  type HostTerminalSize,
  type SourceName,
} from "./host-protocol.ts";

interface Outlet {
  credit: number;
  sequence: number;
  queue: Buffer[];
}

/** A process that a client started in a sandbox; it goes on without the client. */
export class HostExec implements HostStream {
  readonly events: HostProcessEvents;
  readonly #connection: HostConnection;
  readonly #id: number;
  readonly #outlets: Readonly<Record<SourceName, Outlet>>;
  #process: HostProcess | undefined;
  #exit: HostExit | undefined;
  #isOrphan = false;
  #isTimedOut = false;
  #timer: NodeJS.Timeout | undefined;
  #unwritten = 0;
  /** Called once, at the end. */
  onEnd: () => void = () => undefined;

  constructor(connection: HostConnection, id: number, credit: number) {
    this.#connection = connection;
    this.#id = id;
    this.#outlets = {
      stdout: { credit, sequence: 0, queue: [] },
      stderr: { credit, sequence: 0, queue: [] },
    };
    this.events = {
      output: (source, bytes) => {
        if (this.#isOrphan) return;
        this.#outlets[source].queue.push(Buffer.from(bytes));
        this.#flushSource(source);
      },
      end: (exit) => this.#ended(exit),
    };
  }

  get processId(): number | undefined {
    return this.#exit === undefined ? this.#process?.processId : undefined;
  }

  started(process: HostProcess, timeoutMs: number | undefined): void {
    this.#process = process;
    if (timeoutMs !== undefined && this.#exit === undefined) {
      this.#timer = setTimeout(() => {
        this.#isTimedOut = true;
        this.signal("SIGKILL");
      }, timeoutMs);
    }
  }

  /** For a program that cannot be run: the reason on stderr, and the exit code shells use. */
  notRunnable(exitCode: number, reason: string): void {
    this.events.output("stderr", Buffer.from(`clauderon: ${reason}\n`));
    this.events.end({ exitCode, isTimedOut: false });
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#exit === undefined && this.#process !== undefined) signalProcessGroup(this.#process.processId, signal);
  }

  resize(size: HostTerminalSize): void {
    this.#process?.resize(size);
  }

  input(bytes: Buffer): void {
    this.#unwritten += bytes.length;
    if (this.#unwritten > hostLimits.inputWindowBytes && this.#unwritten !== bytes.length) {
      throw new HostError("request.refused", "More input was sent than there was room for");
    }
    const done = (): void => {
      this.#unwritten -= bytes.length;
      if (!this.#isOrphan) this.#connection.sendCredit(this.#id, bytes.length);
    };
    if (this.#process === undefined) done();
    else this.#process.write(bytes, done);
  }

  inputEnd(): void {
    this.#process?.endInput();
  }

  credit(source: number, bytes: number): void {
    const name = source === sources.stderr ? "stderr" : "stdout";
    this.#outlets[name].credit += bytes;
    this.#flushSource(name);
  }

  pause(): void {}

  flush(): void {
    this.#flushSource("stdout");
    this.#flushSource("stderr");
  }

  /** Nobody listens any more: what it writes is read and dropped, so that it does not stand still. */
  cancel(): void {
    this.#isOrphan = true;
    for (const source of ["stdout", "stderr"] as const) {
      this.#outlets[source].queue = [];
      this.#process?.setFlowing(source, true);
    }
    this.#process?.endInput();
  }

  #flushSource(source: SourceName): void {
    if (this.#isOrphan) return;
    const outlet = this.#outlets[source];
    for (
      let bytes = outlet.queue[0];
      bytes !== undefined && outlet.credit > 0 && !this.#connection.isCongested;
      bytes = outlet.queue[0]
    ) {
      const part = bytes.subarray(0, Math.min(outlet.credit, hostLimits.outputBytes));
      if (part.length === bytes.length) outlet.queue.shift();
      else outlet.queue[0] = bytes.subarray(part.length);
      this.#connection.sendOutput(this.#id, { source, flags: 0, sequence: outlet.sequence, parts: [part] });
      outlet.credit -= part.length;
      outlet.sequence += part.length;
    }
    this.#process?.setFlowing(source, outlet.queue.length === 0);
    this.#finishWhenEmpty();
  }

  #ended(exit: HostExit): void {
    clearTimeout(this.#timer);
    this.#exit = { ...exit, isTimedOut: this.#isTimedOut };
    this.onEnd();
    this.#finishWhenEmpty();
  }

  #finishWhenEmpty(): void {
    if (this.#exit === undefined || this.#isOrphan) return;
    if (this.#outlets.stdout.queue.length > 0 || this.#outlets.stderr.queue.length > 0) return;
    this.#isOrphan = true;
    this.#connection.send(frameTypes.end, this.#id, { exit: this.#exit });
    this.#connection.streams.delete(this.#id);
  }
}
