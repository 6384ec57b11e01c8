import { describeFakeContract } from "./fake-contract.fixture.ts";

// One shape meets the whole kit in each run, with keepers that are processes of their own; all of them do in the proof.
describeFakeContract("container", true);
