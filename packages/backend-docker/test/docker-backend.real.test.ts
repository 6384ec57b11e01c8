import { describeBackendContract } from "@clauderon/core/testing";
import { afterAll } from "vitest";

import { createDockerBackend } from "../src/index.ts";
import { buildGuest, docker, testImage, whyNoDocker } from "./required-docker.ts";

const unavailable = whyNoDocker("the backend contract of docker");
const guest = unavailable === undefined ? buildGuest() : undefined;
afterAll(() => guest?.[Symbol.dispose]());

describeBackendContract({
  name: "docker",
  unavailable,
  create: (context) => createDockerBackend(context, { guest, defaultImage: testImage, pullPolicy: "never" }),
  samples: {
    image: testImage,
    async foreign(name) {
      docker("create", "--name", `clauderon-${name}`, testImage, "true");
      return { [Symbol.asyncDispose]: async () => void docker("rm", "--force", `clauderon-${name}`) };
    },
  },
});
