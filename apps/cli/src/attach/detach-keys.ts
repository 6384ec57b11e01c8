import { SettingsError } from "@clauderon/core/contract";

const CTRL: Readonly<Record<string, number>> = { "@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, _: 31 };

/** Bytes of `ctrl-\`, `ctrl-p,ctrl-q`, `ctrl-a,d`: keys separated by commas. */
export function parseDetachKeys(text: string): Uint8Array {
  const bytes = text.split(",").map((key) => {
    const [, held] = /^ctrl-(.)$/i.exec(key.trim()) ?? [];
    const code = held === undefined ? keyCode(key.trim()) : controlCode(held);
    if (code !== undefined) return code;
    throw new SettingsError({
      message: `"${text}" are no keys to detach with`,
      fix: ["write keys like ctrl-\\ or ctrl-p,ctrl-q"],
    });
  });
  return Uint8Array.from(bytes);
}

function keyCode(key: string): number | undefined {
  return /^[\u0021-\u007e]$/.test(key) ? key.codePointAt(0) : undefined;
}

function controlCode(key: string): number | undefined {
  if (/^[a-z]$/i.test(key)) return key.toUpperCase().charCodeAt(0) - 64;
  return CTRL[key];
}

/** What the user is told to press. */
export function describeDetachKeys(text: string): string {
  return text
    .split(",")
    .map((key) => key.trim().replace(/^ctrl-/i, "Ctrl-"))
    .join(" ");
}

/** The code that terminals with the kitty keyboard protocol or modifyOtherKeys send for Ctrl and a key, besides the byte. */
function encodedForms(byte: number): readonly string[] {
  const plain =
    byte >= 1 && byte <= 26 ? byte + 96 : byte >= 27 && byte <= 31 ? byte + 64 : byte === 0 ? 64 : undefined;
  if (plain === undefined) return [];
  const unshifted = byte === 31 ? [95, 45] : byte === 30 ? [94, 54] : [plain];
  return unshifted.flatMap((code) => [`\u001b[${code};5u`, `\u001b[27;5;${code}~`, `\u001b[${code};5:1u`]);
}

/**
 * Looks for the keys in what is typed. Bytes that may be their beginning are held back until the next ones decide.
 */
export class DetachKeyScanner {
  readonly #alternatives: readonly (readonly Uint8Array[])[];
  #held: number[] = [];
  #position = 0;

  constructor(keys: Uint8Array) {
    this.#alternatives = [...keys].map((byte) => [
      Uint8Array.of(byte),
      ...encodedForms(byte).map((form) => new TextEncoder().encode(form)),
    ]);
  }

  /** What goes on to the agent, and whether the keys were pressed; what came after them is dropped. */
  scan(bytes: Uint8Array): { readonly passed: Uint8Array; readonly isDetach: boolean } {
    const passed: number[] = [];
    for (let index = 0; index < bytes.length;) {
      const length = this.#matchAt(bytes, index);
      if (length === 0) {
        if (this.#position > 0) {
          // The sequence broke off: its beginning was meant for the agent; this byte is looked at again.
          passed.push(...this.#held);
          this.#held = [];
          this.#position = 0;
          continue;
        }
        passed.push(bytes[index] ?? 0);
        index += 1;
        continue;
      }
      this.#held.push(...bytes.subarray(index, index + length));
      this.#position += 1;
      index += length;
      if (this.#position === this.#alternatives.length) {
        this.#held = [];
        this.#position = 0;
        return { passed: Uint8Array.from(passed), isDetach: true };
      }
    }
    return { passed: Uint8Array.from(passed), isDetach: false };
  }

  #matchAt(bytes: Uint8Array, index: number): number {
    const forms = this.#alternatives[this.#position] ?? [];
    const found = forms.find((form) => form.every((byte, offset) => bytes[index + offset] === byte));
    return found?.length ?? 0;
  }
}
