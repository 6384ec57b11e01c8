import { stripVTControlCharacters } from "node:util";

import { spawn as spawnPty, type IPty } from "@lydell/node-pty";

import { mainProgram } from "./installation.ts";
import { eventually, modelRequests, type RealAgentsWorld } from "./real-agents-world.ts";

const DETACH = "\u001c";
const CLEAR_LINE = "\u0015";
const AGAIN_MS = 3000;

/** A user's terminal with `clauderon attach` in it. */
export class AttachedView implements Disposable {
  readonly #pty: IPty;
  readonly #exit: Promise<number>;
  #printed = "";

  constructor(world: RealAgentsWorld, name: string) {
    const [program, ...args] = mainProgram;
    this.#pty = spawnPty(program, [...args, "attach", name], {
      cols: 120,
      rows: 40,
      cwd: world.repository,
      env: world.environment,
    });
    this.#pty.onData((data) => (this.#printed += data));
    this.#exit = new Promise((resolve) => {
      this.#pty.onExit(({ exitCode }) => {
        resolve(exitCode);
      });
    });
  }

  /** All that was printed, without control sequences and blanks: agents and zellij move the cursor where others print a blank. */
  #text(): string {
    return stripVTControlCharacters(this.#printed).replaceAll(/\s+/g, "");
  }

  async until(wanted: string): Promise<void> {
    await this.#look(wanted, () => undefined);
  }

  async #look(wanted: string, meanwhile: () => void): Promise<void> {
    const text = wanted.replaceAll(/\s+/g, "");
    try {
      await eventually(() => {
        if (this.#text().includes(text)) return true;
        meanwhile();
        return undefined;
      }, `${wanted} on the screen`);
    } catch (error) {
      throw new Error(`the terminal showed: ${stripVTControlCharacters(this.#printed).slice(-4000)}`, { cause: error });
    }
  }

  /** Pastes a line until it is seen in the agent's input box, and presses Enter until the model has got it. */
  async prompt(line: string): Promise<void> {
    this.#printed = "";
    let pastedAt = 0;
    // What comes before the input box is drawn is lost: Gemini drops it while it loads a conversation.
    await this.#look(line, () => {
      if (performance.now() - pastedAt < AGAIN_MS) return;
      this.#pty.write(`${pastedAt === 0 ? "" : CLEAR_LINE}\u001b[200~${line}\u001b[201~`);
      pastedAt = performance.now();
    });
    await this.enterUntilAsked(line);
  }

  /** Agents take no Enter for a moment after a screen is drawn or a text is pasted. */
  async enterUntilAsked(mark: string): Promise<void> {
    await eventually(async () => {
      if ((await modelRequests(mark)).length > 0) return true;
      this.#pty.write("\r");
      return undefined;
    }, "the model is asked");
  }

  async detach(): Promise<number> {
    this.#pty.write(DETACH);
    return this.#exit;
  }

  [Symbol.dispose](): void {
    this.#pty.kill();
  }
}
