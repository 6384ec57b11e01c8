import type { ProcessHandle } from "@clauderon/core/contract";

const KEPT_CHARACTERS = 2000;

const controls: RegExp =
  // oxlint-disable-next-line no-control-regex -- what a program wrote to its terminal
  /\u001b\[[0-9;?<>=]*[A-Za-z]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b.|[\u0000-\u0009\u000b-\u001f]/gu;

/** A zellij process of ours: what it says is read, so that it never waits, and its last words are kept. */
export class ZellijClient {
  readonly #handle: ProcessHandle;
  #text = "";
  #exitCode: number | undefined;

  constructor(handle: ProcessHandle) {
    this.#handle = handle;
    void this.#follow();
  }

  /** It has ended, and badly. */
  get hasFailed(): boolean {
    return this.#exitCode !== undefined && this.#exitCode !== 0;
  }

  get said(): string {
    return this.#text.replace(controls, "").trim() || "zellij ended without a word";
  }

  /** Ends the client, which detaches it. Resolves when it was told. */
  async leave(): Promise<void> {
    await this.#handle.kill("SIGKILL");
  }

  async #follow(): Promise<void> {
    const { stdout, stderr, exit } = this.#handle;
    const [outcome] = await Promise.allSettled([exit, this.#keep(stdout), this.#keep(stderr)]);
    // A host that died took its client with it.
    this.#exitCode = outcome.status === "fulfilled" ? outcome.value.exitCode : 1;
  }

  async #keep(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      this.#text = (this.#text + decoder.decode(bytes, { stream: true })).slice(-KEPT_CHARACTERS);
    }
  }
}
