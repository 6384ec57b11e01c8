import { describeFakeContract } from "./fake-contract.fixture.ts";

// One shape meets the whole kit in each run; the proof has all of them, with keepers that are processes of their own.
describeFakeContract("container", true);
