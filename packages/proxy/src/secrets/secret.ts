/** A credential's value. It prints as `[secret]` everywhere; only `reveal` gives it out. */
export class Secret {
  readonly #value: string;
  /** Name in rules and settings: `github`. */
  readonly name: string;

  constructor(name: string, value: string) {
    this.name = name;
    this.#value = value;
  }

  /** The value itself: for a header towards the host it belongs to, and for the search that keeps it out of answers. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }
}
