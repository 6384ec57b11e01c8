import { recordOf, textOf } from "../endpoint/docker-config.ts";

/** How far a pull is. */
export interface PullProgress {
  readonly image: string;
  /** `downloading` until all that is known is here. */
  readonly phase: "resolving" | "downloading" | "unpacking";
  readonly layers: number;
  readonly layersDone: number;
  readonly bytes: number;
  /** Grows as layers become known; 0 = unknown. */
  readonly totalBytes: number;
}

interface Layer {
  bytes: number;
  total: number;
  isHere: boolean;
  isDone: boolean;
}

/** Adds up what an engine says line by line while it pulls. */
export class PullTally {
  readonly #image: string;
  readonly #layers = new Map<string, Layer>();

  constructor(image: string) {
    this.#image = image;
  }

  /** Throws the pull's own error, which comes as a line, in the engine's words. */
  add(line: unknown): void {
    const { id, status, progressDetail, errorDetail, error } = recordOf(line);
    const failure = textOf(recordOf(errorDetail)["message"]) ?? textOf(error);
    if (failure !== undefined) throw new Error(failure);
    const name = textOf(id);
    const word = textOf(status);
    if (name === undefined || word === undefined || word.startsWith("Pulling from")) return;
    const layer = this.#layers.get(name) ?? { bytes: 0, total: 0, isHere: false, isDone: false };
    this.#layers.set(name, layer);
    const { current, total } = recordOf(progressDetail);
    if (word === "Downloading") {
      if (typeof current === "number") layer.bytes = current;
      if (typeof total === "number") layer.total = total;
    }
    if (["Verifying Checksum", "Download complete", "Extracting", "Pull complete", "Already exists"].includes(word)) {
      layer.isHere = true;
      layer.bytes = layer.total;
    }
    if (word === "Pull complete" || word === "Already exists") layer.isDone = true;
  }

  progress(): PullProgress {
    const layers = [...this.#layers.values()];
    const sum = (of: (layer: Layer) => number): number => layers.reduce((all, layer) => all + of(layer), 0);
    const phase =
      layers.length === 0 ? "resolving" : layers.every(({ isHere }) => isHere) ? "unpacking" : "downloading";
    return {
      image: this.#image,
      phase,
      layers: layers.length,
      layersDone: layers.filter(({ isDone }) => isDone).length,
      bytes: sum(({ bytes }) => bytes),
      totalBytes: sum(({ total }) => total),
    };
  }
}
