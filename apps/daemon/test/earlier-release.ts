import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const packages = path.resolve(import.meta.dirname, "../../..");

/** A copy of the daemon and the proxy, whose proxy is of another version (clients refuse a daemon of another), in a place of its own that can go. */
export class EarlierRelease implements Disposable {
  readonly version = "0.0.1-earlier";
  readonly #root = mkdtempSync(path.join(tmpdir(), "clauderon-release-"));

  constructor() {
    this.#copy("packages/proxy", { name: "proxy", version: this.version });
    this.#copy("apps/daemon", { name: "daemon" });
  }

  get program(): readonly [string, ...string[]] {
    const main = path.join(this.#root, "daemon", "src", "main.ts");
    return [process.execPath, "--conditions", "@clauderon/source", main];
  }

  /** As an update of the packages does. */
  remove(): void {
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 10 });
  }

  [Symbol.dispose](): void {
    this.remove();
  }

  #copy(from: string, { name, version }: { readonly name: string; readonly version?: string }): void {
    const source = path.join(packages, from);
    const target = path.join(this.#root, name);
    mkdirSync(target);
    cpSync(path.join(source, "src"), path.join(target, "src"), { recursive: true });
    const manifest = JSON.parse(readFileSync(path.join(source, "package.json"), "utf8")) as object;
    writeFileSync(
      path.join(target, "package.json"),
      JSON.stringify({ ...manifest, ...(version === undefined ? {} : { version }) }),
    );
    this.#link(path.join(source, "node_modules"), path.join(target, "node_modules"));
  }

  #link(from: string, to: string): void {
    mkdirSync(to);
    for (const name of readdirSync(from)) {
      if (name.startsWith(".")) continue;
      if (name.startsWith("@")) this.#link(path.join(from, name), path.join(to, name));
      else symlinkSync(this.#placeOf(path.join(from, name)), path.join(to, name));
    }
  }

  #placeOf(link: string): string {
    const real = realpathSync(link);
    return real === path.join(packages, "packages/proxy") ? path.join(this.#root, "proxy") : real;
  }
}
