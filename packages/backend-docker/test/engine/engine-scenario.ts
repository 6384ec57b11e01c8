/** What an emulated engine is and does. Plain data: it goes to another process. */
export interface EngineScenario {
  readonly behaviour?: "hang" | "hang-up" | "cut-answer" | undefined;
  readonly version?:
    | {
        readonly Version?: string;
        readonly ApiVersion?: string;
        readonly MinAPIVersion?: string;
        readonly Arch?: string;
      }
    | undefined;
  readonly info?: Readonly<Record<string, unknown>> | undefined;
  readonly pingHeaders?: Readonly<Record<string, string>> | undefined;
  /** By `METHOD /path`, without the version. */
  readonly answers?: Readonly<Record<string, Answer>> | undefined;
  readonly images?: Readonly<Record<string, EmulatedImage>> | undefined;
  /** By `IMAGE:TAG`. */
  readonly pulls?: Readonly<Record<string, EmulatedPull>> | undefined;
}

export interface Answer {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface EmulatedImage {
  readonly Architecture?: string;
  readonly Config?: Readonly<Record<string, unknown>>;
}

export interface EmulatedPull {
  /** Of the answer, in place of the lines. */
  readonly status?: number;
  readonly error?: string;
  readonly lines: readonly unknown[];
  /** What the engine has afterwards. */
  readonly image?: EmulatedImage;
  readonly imageName?: string;
  readonly isEndless?: boolean;
}

export interface SeenRequest {
  readonly method: string;
  readonly version?: string | undefined;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly registryAuth?: string | undefined;
}
