import type { Clock } from "@clauderon/core/contract";

import { createAuthorityStore, type Authorities, type AuthorityStore } from "./authority-store.ts";
import type { Authority } from "./authority.ts";
import { caBundle, publishFile } from "./ca-bundle.ts";
import { createLeafKey } from "./leaf.ts";
import { SecureContexts } from "./secure-contexts.ts";
import { javaTrustStore } from "./trust-store.ts";

export interface AuthorityKeeperOptions {
  /** Key and certificate, 0600. */
  readonly authorityPath: string;
  /** What sandboxes trust: our certificates, then the roots. */
  readonly bundlePath: string;
  /** The same for Java; absent = not written. */
  readonly trustStorePath?: string | undefined;
  /** The roots that upstreams are verified with. */
  readonly roots: readonly string[];
  readonly clock: Clock;
}

/** The authorities in use, with the contexts of their leaves and the files that make sandboxes trust them. */
export class AuthorityKeeper {
  readonly #options: AuthorityKeeperOptions;
  readonly #key = createLeafKey();
  readonly #contexts = new Map<string, SecureContexts>();
  #authorities: Authorities;
  #roots: readonly string[];
  #latest: Promise<unknown> = Promise.resolve();

  private constructor(options: AuthorityKeeperOptions, authorities: Authorities) {
    this.#options = options;
    this.#authorities = authorities;
    this.#roots = options.roots;
  }

  static async load(options: AuthorityKeeperOptions): Promise<AuthorityKeeper> {
    const authorities = await createAuthorityStore(options.authorityPath, options.clock).load();
    const keeper = new AuthorityKeeper(options, authorities);
    await keeper.#publish(authorities);
    return keeper;
  }

  /** The contexts of an authority; those of the current one when it is gone or not named. */
  contextsOf(authorityId: string | undefined): { readonly id: string; readonly contexts: SecureContexts } {
    const authority: Authority = this.#authorities.find(({ id }) => id === authorityId) ?? this.#authorities[0];
    const known = this.#contexts.get(authority.id);
    if (known !== undefined) return { id: authority.id, contexts: known };
    const contexts = new SecureContexts(authority, { clock: this.#options.clock, key: this.#key });
    this.#contexts.set(authority.id, contexts);
    return { id: authority.id, contexts };
  }

  /** From here on sandboxes trust these beside ours: programs that start read them. */
  async useRoots(roots: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      this.#roots = roots;
      await this.#publish(this.#authorities);
    });
  }

  /** A new authority for new sessions; running ones keep theirs, and every bundle holds both. */
  async rotate(): Promise<void> {
    return this.#inTurn(async () => this.#publish(await this.#store().rotate()));
  }

  /** Ends the overlap for authorities that no session needs. */
  async retire(idsInUse: () => ReadonlySet<string>): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#authorities.length === 1) return;
      const authorities = await this.#store().retire(idsInUse());
      for (const id of this.#contexts.keys())
        if (!authorities.some((authority) => authority.id === id)) this.#contexts.delete(id);
      await this.#publish(authorities);
    });
  }

  #store(): AuthorityStore {
    const { authorityPath, clock } = this.#options;
    return createAuthorityStore(authorityPath, clock);
  }

  /** Each reads the file and replaces it: two at once would lose the change of one. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.#latest.then(work);
    this.#latest = result.catch(() => undefined);
    return result;
  }

  /** Trust goes out before the first leaf that needs it. */
  async #publish(authorities: Authorities): Promise<void> {
    const { bundlePath, trustStorePath } = this.#options;
    const roots = this.#roots;
    await publishFile(bundlePath, Buffer.from(caBundle(authorities, roots)));
    if (trustStorePath !== undefined) {
      const certificates = [...authorities.map(({ certificatePem }) => certificatePem), ...roots];
      await publishFile(trustStorePath, await javaTrustStore(certificates));
    }
    this.#authorities = authorities;
  }
}
