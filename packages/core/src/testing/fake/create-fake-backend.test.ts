import { describeFakeContract } from "./fake-contract.fixture.ts";

// Every shape meets the whole kit; those whose keepers are processes of their own, too, are in the proof.
describeFakeContract("host", false);
describeFakeContract("container", true);
describeFakeContract("remote", true);
